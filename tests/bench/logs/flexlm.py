#!/usr/bin/env python3
"""Writes a debug log of a pretend FlexNet vendor daemon: pairs of OUT and IN. The same arguments write the same bytes.

  flexlm.py --pairs 1000000 --out flexlm.log

`--hours space` writes ` 8:03:11`, `--datestamp` whole times. Beside the pairs: a banner with the date, TIMESTAMP every six hours, 2 %
denials, 3 % checkouts of several licenses, a few checkins of idle clients.
"""
import argparse, datetime as dt, json, math, random, sys
from bisect import bisect

HOUR_W = [1, 1, 1, 1, 1, 2, 8, 30, 75, 100, 98, 88, 45, 70, 96, 92, 80, 50, 22, 10, 6, 4, 3, 2]
DAY_W = [1.0, 1.05, 1.05, 1.02, 0.85, 0.12, 0.06]


def cum(w):
    acc, out = 0.0, []
    for x in w:
        acc += x
        out.append(acc)
    return out


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--pairs", type=int, required=True)
    a.add_argument("--out", default="-")
    a.add_argument("--start", default="2024-01-01")
    a.add_argument("--days", type=int, default=730)
    a.add_argument("--users", type=int, default=200)
    a.add_argument("--features", type=int, default=30)
    a.add_argument("--hosts", type=int, default=100)
    a.add_argument("--daemon", default="cadd")
    a.add_argument("--denied", type=float, default=0.02)
    a.add_argument("--multi", type=float, default=0.03)
    a.add_argument("--hours", choices=("pad0", "space"), default="pad0")
    a.add_argument("--datestamp", action="store_true")
    a.add_argument("--seed", type=int, default=20240101)
    a.add_argument("--truth")
    o = a.parse_args()
    R = random.Random(o.seed)
    rnd, gauss = R.random, R.gauss
    start = dt.date.fromisoformat(o.start)
    feats = [f"FEAT_{i:02d}" for i in range(o.features)]
    fcum = cum([1 / (i + 1) ** .9 for i in range(o.features)])
    ucum = cum([1 / (i + 1) ** .35 for i in range(o.users)])
    hcum = cum(HOUR_W)
    w = cum([DAY_W[(start + dt.timedelta(days=d)).weekday()] for d in range(o.days)])
    quota, given = [], 0
    for x in w:
        upto = int(o.pairs * x / w[-1] + .5)
        quota.append(upto - given)
        given = upto
    hms = []
    for s in range(86400):
        h = s // 3600
        hh = f"{h:02d}" if (o.hours == "pad0" or o.datestamp) else f"{h:2d}"
        hms.append(f"{hh}:{s // 60 % 60:02d}:{s % 60:02d}")
    out = sys.stdout.buffer if o.out == "-" else open(o.out, "wb", 1 << 20)
    carry, seq, day = [], 0, 0
    n = {"OUT": 0, "IN": 0, "DENIED": 0, "TIMESTAMP": 0}
    cur, peak, total = {}, {}, 0
    while day < o.days or carry:
        base, nxt = day * 86400, (day + 1) * 86400
        d = start + dt.timedelta(days=day)
        mdy = f"{d.month}/{d.day}/{d.year}"
        ev = [c for c in carry if c[0] < nxt]
        carry = [c for c in carry if c[0] >= nxt]
        if day == 0:
            ev.append((base, -3, f"(lmgrd) FlexNet Licensing (v11.16.2.0 build 242118 x64_n6) started on lic01 (linux) ({mdy})\n", 0, "X"))
        for h in (0, 6, 12, 18):
            ev.append((base + h * 3600, -2 if h == 0 else 0, f"(lmgrd) TIMESTAMP {mdy}\n", 0, "TIMESTAMP"))
        for _ in range(quota[day] if day < o.days else 0):
            hour = bisect(hcum, rnd() * hcum[-1])
            t = base + hour * 3600 + int(rnd() * 3600)
            u, f = bisect(ucum, rnd() * ucum[-1]), bisect(fcum, rnd() * fcum[-1])
            h = u % o.hosts if rnd() < .93 else int(rnd() * o.hosts)
            who = f'"{feats[f]}" user{u:03d}@ws-{h:03d}'
            k = 1
            if rnd() < o.multi:
                k = 2 + int(rnd() * 4)
            mult = f"  ({k} licenses)" if k > 1 else ""
            dur = min(max(int(math.exp(gauss(7.3, 1.1))), 2), 14 * 3600)
            x = rnd()
            why = " (INACTIVE)" if x < .03 else " (SHUTDOWN)" if x < .035 else ""
            seq += 1
            ev.append((t, seq, f"({o.daemon}) OUT: {who}{mult}\n", k, "OUT"))
            seq += 1
            e = (t + dur, seq, f"({o.daemon}) IN: {who}{mult}{why}\n", -k, "IN")
            (ev if e[0] < nxt else carry).append(e)
            if rnd() < o.denied:
                seq += 1
                ev.append((t, seq, f'({o.daemon}) DENIED: {who}  (Licensed number of users already reached. (-4,342))\n', 0, "DENIED"))
        ev.sort()
        pre = f"{d.year:04d}-{d.month:02d}-{d.day:02d}T" if o.datestamp else ""
        post = "Z " if o.datestamp else " "
        buf = []
        for t, _, s, k, kind in ev:
            buf.append(pre + hms[t - base] + post + s)
            if kind in n:
                n[kind] += 1
        blob = "".join(buf).encode()
        total += len(blob)
        out.write(blob)
        day += 1
    out.flush()
    if o.truth:
        json.dump({"args": vars(o), "counts": n, "bytes": total}, open(o.truth, "w"), indent=1)
    print(f"{n} {total} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()

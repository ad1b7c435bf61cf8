#!/usr/bin/env python3
"""Writes a log of a pretend DSLS server with usage tracing, and what is true of it. The same arguments write the same bytes.

  dsls.py --events 1000000 --out FOLDER --truth truth.json      one file, or --rotate-mb 50
  dsls.py --events 1000 --layout cloud --out -                  to standard output

Layouts: `onprem`, 13 fields after `Action!!` in about 350 bytes an event; `cloud`, with the customer after the feature; `lite`, short
lines as some readers take them to be; `monitor`, `GRANT feature user@host`. Users, hosts, ids and addresses are invented. The truth:
counts, grants by weekday and hour, the most sessions and seats (distinct internal ids) of each product, and what is open at the end.
"""
import argparse, datetime as dt, json, math, os, random, sys
from bisect import bisect

HOUR_W = [1, 1, 1, 1, 1, 2, 8, 30, 75, 100, 98, 88, 45, 70, 96, 92, 80, 50, 22, 10, 6, 4, 3, 2]
DAY_W = [1.0, 1.05, 1.05, 1.02, 0.85, 0.12, 0.06]           # Monday .. Sunday
MONTH_W = [1, 1, 1, 1, .95, .95, .8, .6, 1, 1, 1, .85]
PRODUCTS = ["CAC", "CAC-MCE", "YM2-FTA", "MD2", "HD2", "GSD", "ASD", "DMN", "KIN", "FSP", "MPA", "NCG", "PRX", "SPA", "FTA",
            "EHI", "CBD", "DL1", "SRU", "PW7", "SIM", "DRT", "IFW", "CSV", "TXO", "PCS", "UWE", "XPG", "CPF", "ICM"]
EXES = [r"C:\Program Files\Dassault Systemes\B34\win_b64\code\bin\CNEXT.exe", r"C:\Program Files\Dassault Systemes\B32\win_b64\code\bin\CNEXT.exe",
        r"C:\Program Files\Dassault Systemes\B426\win_b64\code\bin\3DEXPERIENCE.exe"]
VERS = ["5.34", "5.32", "6.426"]
NOISE = ["I ADMINSERVER Connect command issued", "I ADMINSERVER GetLicenseUsage command issued", "I ADMINSERVER GetConfig command issued",
         "I STATISTICS  File C:\\ProgramData\\DassaultSystemes\\LicenseServer\\LogFiles\\LicenseUsage20250801000000.mstat has been generated.",
         "I LICENSEDATA Activating group 2 for license id AAAA1-BBBBB-CCCCC-DDDDD-EEEEE", None, None, None]    # None: a denial


def cum(w):
    acc, out = 0.0, []
    for x in w:
        acc += x
        out.append(acc)
    return out


def day_quota(start, days, sessions):
    """Largest-remainder split of the sessions over the calendar."""
    w = []
    for d in range(days):
        day = start + dt.timedelta(days=d)
        x = DAY_W[day.weekday()] * MONTH_W[day.month - 1]
        if (day.month, day.day) in ((1, 1), (5, 1), (12, 25), (12, 26)):
            x *= 0.05
        w.append(x)
    c, given, out = cum(w), 0, []
    for x in c:
        upto = int(sessions * x / c[-1] + 0.5)
        out.append(upto - given)
        given = upto
    return out


class Sink:
    """Writes lines to stdout, or to a directory with rotation by size."""
    def __init__(self, out, rotate_mb):
        self.dir, self.limit, self.f, self.size, self.n, self.stamp = out, int(rotate_mb * 1_000_000), None, 0, 0, 0
        self.stream = out == "-"
        if not self.stream:
            os.makedirs(out, exist_ok=True)
            if any(x.startswith("LicenseServer") for x in os.listdir(out)):
                sys.exit(f"{out} already holds LicenseServer logs")

    def write(self, lines, stamp):
        if self.stream:
            sys.stdout.buffer.write("".join(lines).encode())
            return
        for i in range(0, len(lines), 1000):
            part = lines[i:i + 1000]
            if self.f is None:
                digits = "".join(ch for ch in part[0][:19] if ch.isdigit())
                self.path = os.path.join(self.dir, f"LicenseServer{digits}.log")
                self.f, self.size, self.n = open(self.path, "wb", 1 << 20), 0, self.n + 1
            blob = "".join(part).encode()
            self.f.write(blob)
            self.size += len(blob)
            self.stamp = stamp
            if self.limit and self.size >= self.limit:
                self.close()

    def close(self):
        if self.stream:
            sys.stdout.buffer.flush()
        elif self.f:
            self.f.close()
            self.f = None
            os.utime(self.path, (self.stamp + self.n, self.stamp + self.n))


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--events", type=int, required=True)
    a.add_argument("--out", required=True, help="directory, or - for stdout")
    a.add_argument("--layout", choices=("onprem", "cloud", "lite", "monitor"), default="onprem")
    a.add_argument("--start", default="2024-01-01")
    a.add_argument("--days", type=int, default=730)
    a.add_argument("--users", type=int, default=200)
    a.add_argument("--products", type=int, default=30)
    a.add_argument("--hosts", type=int, default=100)
    a.add_argument("--open", type=int, default=150, help="sessions left open at the end")
    a.add_argument("--noise", type=float, default=0.10, help="other lines per event (denials, admin, statistics)")
    a.add_argument("--timeouts", type=float, default=0.64, help="share of sessions that end by TimeOut")
    a.add_argument("--rotate-mb", type=float, default=0)
    a.add_argument("--crlf", action="store_true")
    a.add_argument("--seed", type=int, default=20240101)
    a.add_argument("--truth", help="write ground truth JSON here")
    o = a.parse_args()

    R = random.Random(o.seed)
    rnd, gauss = R.random, R.gauss
    n_open = min(o.open, o.events)
    if (o.events - n_open) % 2:
        n_open += 1 if n_open < o.events else -1
    sessions = (o.events + n_open) // 2
    open_from = sessions - n_open                            # the last n_open sessions never end
    start = dt.date.fromisoformat(o.start)
    quota = day_quota(start, o.days, sessions)
    prods = [PRODUCTS[i] if i < len(PRODUCTS) else f"P{i:03d}" for i in range(o.products)]
    hosts = []
    for h in range(o.hosts):
        ip = f"10.77.{h // 250}.{h % 250 + 1}"
        hosts.append((f"WS{h:04d}", f"{R.getrandbits(64):016X}", ip, "".join(f"{int(x):02x}" for x in ip.split(".")),
                      "".join(chr(65 + R.randrange(26)) for _ in range(3))))
    ucum, pcum, hcum = cum((i + 1) ** -.35 for i in range(o.users)), cum((i + 1) ** -.9 for i in range(o.products)), cum(HOUR_W)
    utot, ptot, htot = ucum[-1], pcum[-1], hcum[-1]
    hms = [f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}:" for s in range(86400)]
    mss = [f"{m:03d} " for m in range(1000)]
    nl = "\r\n" if o.crlf else "\n"
    layout, DAY, seed_sid = o.layout, 86_400_000, 0x2800_0197_D997_09B6

    sink = Sink(o.out, o.rotate_mb)
    carry, seq, done, day, bytes_out, last, noise_due = [], 0, 0, 0, 0, "", 0.0
    counts = {"Grant": 0, "Detachment": 0, "TimeOut": 0, "denied": 0, "other": 0}
    heat = [[0] * 24 for _ in range(7)]
    cur, peak, seat, nseat, pseat = {}, {}, {}, {}, {}

    def client(u, h, n):
        name, hw, ip, hexip, tri = hosts[h]
        return (f"{name} ({hw}-{hexip}.{n})", ip, f"user{u:03d}",
                f"USER{u:03d}@EXAMPLE.S-1-5-21-1000000001-2000000002-3000000003-{1100 + u}.{hexip.upper()}.{n}.{tri}-{hw}")

    while day < o.days or carry:
        base, nxt = day * DAY, (day + 1) * DAY
        d = start + dt.timedelta(days=day)
        prefix = f"{d.year:04d}/{d.month:02d}/{d.day:02d} "
        ev = [c for c in carry if c[0] < nxt]
        carry = [c for c in carry if c[0] >= nxt]
        if day == 0 and layout != "monitor":
            ev.append((base, -1, "I STARTSERVER Server version 6.426.0 built on Sep 5, 2023 8:04:34 PM" + nl, -1, 0, 4, 0))
            ev.append((base, 0, "I LICENSESERV Licensing service started" + nl, -1, 0, 4, 0))
        for _ in range(quota[day] if day < o.days else 0):
            t = base + bisect(hcum, rnd() * htot) * 3_600_000 + int(rnd() * 3_600_000)
            u, p = bisect(ucum, rnd() * utot), bisect(pcum, rnd() * ptot)
            h = u % o.hosts if rnd() < 0.93 else int(rnd() * o.hosts)
            dur = min(max(int(math.exp(gauss(7.3, 1.1)) * 1000), 4000), 14 * 3_600_000)      # median about 25 min
            tmo = rnd() < o.timeouts
            if tmo:
                dur += 1_800_000
            sid = done
            done += 1
            n = 1 + day % 9                                  # logon session: same user, host and day share a seat
            if layout in ("onprem", "cloud"):
                host, ip, user, iid = client(u, h, n)
                v = u % 3
                cust = "R1000000000001!" if layout == "cloud" else ""
                tail = (f"!!{prods[p]}!{cust}{seed_sid + sid:016X}!Dassault Systemes V5!ConcurrentUser!1!STD!{host}!{ip}!{user}!{iid}!"
                        f"{EXES[v]}!{VERS[v]}!YLC{nl}")
                g, e = "I USGTRACING  Grant" + tail, ("I USGTRACING  TimeOut" if tmo else "I USGTRACING  Detachment") + tail
            elif layout == "lite":
                name, hw, ip, hexip, _ = hosts[h]
                tail = f"!!{prods[p]}!{name} ({hw[:9]})/{ip}!user{u:03d}!user{u:03d}!{seed_sid + sid:016X}!1!{nl}"
                g, e = "I USGTRACING  Grant" + tail, ("I USGTRACING  TimeOut" if tmo else "I USGTRACING  Detachment") + tail
            else:
                tail = f" {prods[p]} user{u:03d}@{hosts[h][0]}{nl}"
                g, e = "GRANT" + tail, "TIMEOUT" + tail      # monitor.py knows GRANT and TIMEOUT only
            key = (u, h, n, p)
            seq += 1
            ev.append((t, seq, g, p, 1, 0, key))
            if sid < open_from:
                seq += 1
                x = (t + dur, seq, e, p, -1, 2 if tmo else 1, key)
                (ev if x[0] < nxt else carry).append(x)
        noise_due += len(ev) * o.noise
        while noise_due >= 1:
            noise_due -= 1
            t = base + bisect(hcum, rnd() * htot) * 3_600_000 + int(rnd() * 3_600_000)
            msg, kind = NOISE[int(rnd() * len(NOISE))], 4
            if msg is None:
                u, p = bisect(ucum, rnd() * utot), bisect(pcum, rnd() * ptot)
                host, ip, user, iid = client(u, u % o.hosts, 1 + day % 9)
                kind, msg = 3, f"W LICENSESERV {prods[p]} not granted, no more available license ( from client {host}/{ip}|{user}|{iid}|{EXES[u % 3]} )"
            seq += 1
            ev.append((t, seq, msg + nl, -1, 0, kind, 0))
        ev.sort()
        wd, lines = d.weekday(), []
        add = lines.append
        for t, _, s, p, delta, kind, key in ev:
            r = t - base
            add(prefix + hms[r // 1000] + mss[r % 1000] + s)
            if delta > 0:
                heat[wd][r // 3_600_000] += 1
                counts["Grant"] += 1
                c = cur[p] = cur.get(p, 0) + 1
                if c > peak.get(p, 0):
                    peak[p] = c
                k = seat[key] = seat.get(key, 0) + 1
                if k == 1:
                    c = nseat[p] = nseat.get(p, 0) + 1
                    if c > pseat.get(p, 0):
                        pseat[p] = c
            elif delta < 0:
                cur[p] -= 1
                counts["TimeOut" if kind == 2 else "Detachment"] += 1
                seat[key] -= 1
                if not seat[key]:
                    del seat[key]
                    nseat[p] -= 1
            else:
                counts["denied" if kind == 3 else "other"] += 1
        if lines:
            last = lines[-1][:23]
            sink.write(lines, int(dt.datetime(d.year, d.month, d.day, 23, 0, tzinfo=dt.timezone.utc).timestamp()))
            bytes_out += sum(map(len, lines))
        day += 1
    sink.close()
    truth = {"args": {k: v for k, v in vars(o).items() if k not in ("out", "truth")},
             "events": counts["Grant"] + counts["Detachment"] + counts["TimeOut"], "lines": sum(counts.values()), "bytes": bytes_out,
             "counts": counts, "open_at_end": n_open, "seats_open_at_end": len(seat), "last_timestamp": last,
             "peak_sessions": {prods[p]: v for p, v in sorted(peak.items())}, "peak_seats": {prods[p]: v for p, v in sorted(pseat.items())},
             "grants_by_weekday_hour": heat}
    if o.truth:
        with open(o.truth, "w") as f:
            json.dump(truth, f)
            f.write("\n")
    print(f"{truth['events']} events, {truth['lines']} lines, {bytes_out} bytes, {n_open} open", file=sys.stderr)


if __name__ == "__main__":
    main()

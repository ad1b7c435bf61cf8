-- Sums of history by the hour and by the day, so that a chart of years reads as many rows as it has points. A fold over history like
-- everything here. Hours and days are counted from 1970 in UTC: hour 482136 begins 482136 * 3600 s after it.

-- The gauge of one feature.
create table meter (
    id integer primary key,
    server text not null,
    feature text not null,
    -- Seats in use since `until_ms`, the newest time at which that number changed. Rows of `hour` reach up to there.
    seats integer not null,
    until_ms integer not null,
    -- Between these, `seat_ms` and `peak` wait to be made again, because something older was learned late. Null: nothing waits.
    stale_from_ms integer,
    stale_to_ms integer,
    unique (server, feature)
) strict;

-- A seat in use that sessions share; when the last of them ends, it counts for the user who took it first.
create table seat_use (
    meter integer not null,
    seat text not null,
    sessions integer not null,
    seats integer not null,
    since_ms integer not null,
    user text not null,
    primary key (meter, seat)
) strict, without rowid;

-- One hour of one feature in which anything happened or was held.
create table hour (
    meter integer not null,
    hour integer not null,
    seat_ms integer not null,
    peak integer not null,
    checkouts integer not null,
    denials integer not null,
    primary key (meter, hour)
) strict, without rowid;

-- One hour of all features of a server.
create table server_hour (
    server text not null,
    hour integer not null,
    seat_ms integer not null,
    checkouts integer not null,
    denials integer not null,
    primary key (server, hour)
) strict, without rowid;

-- One day of one user and one feature. What is held still counts when it ends.
create table user_day (
    meter integer not null,
    day integer not null,
    user text not null,
    checkouts integer not null,
    seat_ms integer not null,
    primary key (meter, day, user)
) strict, without rowid;

-- When a server was seen at work: from one record to the next, unless it said nothing for five days.
create table observed (
    server text not null,
    from_ms integer not null,
    to_ms integer not null,
    primary key (server, from_ms)
) strict, without rowid;

create view usage_by_hour as
select
    meter.server,
    meter.feature,
    strftime('%Y-%m-%dT%H:%M:%SZ', hour.hour * 3600, 'unixepoch') as hour,
    hour.seat_ms / 1000.0 as seat_s,
    hour.peak,
    hour.checkouts,
    hour.denials
from hour join meter on meter.id = hour.meter
order by meter.server, meter.feature, hour.hour;

-- All of history is folded once more when licmon opens this.
delete from session;
delete from waiter;
delete from feature where issued is null and uncounted = 0;
update feature set vendor = null, version = null, source = null;
delete from server where configured = 0;
update server set
    state = 'unknown', since_ms = null, started_ms = null, heard_ms = null, has_sessions = 0;
update watermark set applied = 0;

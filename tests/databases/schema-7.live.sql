.bail on
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE session (
    id integer primary key,
    server text not null,
    feature text not null,
    user text not null,
    host text not null,
    started_ms integer not null,
    learned_at_ms integer not null,
    count integer not null,
    handle text not null,
    seat text,
    version text,
    unit text,
    display text,
    process text,
    project text,
    source text not null
) strict;
INSERT INTO session VALUES(3,'catia','CAD','Bo.Ek','BIRCH',1740990000000,1795665973727,1,'2AA0000000000003','BO.EK@PLANT.S-1-5-21-11-22-33-1002.C0000206.1.QQB-99AABBCCDDEEFF00','6.424','ConcurrentUser',NULL,'C:\Program Files (x86)\Example\R5\bin\CAD.exe',NULL,'log');
INSERT INTO session VALUES(4,'catia','CAD','Bo.Ek','BIRCH',1740990600000,1795665973727,1,'2AA0000000000004','BO.EK@PLANT.S-1-5-21-11-22-33-1002.C0000206.1.QQB-99AABBCCDDEEFF00','5.34','ConcurrentUser',NULL,'D:\Wow!\now!\PROGRA~1\CAD.exe',NULL,'log');
INSERT INTO session VALUES(5,'catia','PLM','Bo.Ek','BIRCH',1740991200000,1795665973727,1,'2AA0000000000005','bo.ek','5.34','NamedUser',NULL,'C:\Program Files\Example\R7\win_b64\code\bin\CAD.exe',NULL,'log');
INSERT INTO session VALUES(6,'catia','SIM','anna','PINE',1740991800000,1795665973727,5,'2AA0000000000006',NULL,'5.34','Token',NULL,'C:\Program Files\Example\R7\win_b64\code\bin\CAD.exe',NULL,'log');
INSERT INTO session VALUES(7,'catia','SIM-H','anna','PINE',1740992100000,1795665973727,2,'2AA0000000000007',NULL,'5.34','Credit',NULL,'C:\Program Files\Example\R7\win_b64\code\bin\CAD.exe',NULL,'log');
INSERT INTO session VALUES(8,'catia','CAD','anna','PINE',1740992160000,1795665973727,1,'02BE16',NULL,NULL,'ConcurrentUser',NULL,NULL,NULL,'log');
CREATE TABLE waiter (
    id integer primary key,
    server text not null,
    feature text not null,
    user text not null,
    host text not null,
    count integer not null,
    since_ms integer not null,
    ticket text not null
, credit_ms integer not null default 0) strict;
CREATE TABLE feature (
    server text not null,
    feature text not null,
    source text,
    vendor text,
    version text,
    issued integer,
    uncounted integer not null default 0, reserved integer, mode text, expires_ms integer,
    primary key (server, feature)
) strict;
INSERT INTO feature VALUES('catia','CAD-X','log','Example Design V5','5.34',NULL,0,NULL,NULL,NULL);
INSERT INTO feature VALUES('catia','SIM-H','log','Example Design V5','5.34',NULL,0,NULL,NULL,NULL);
INSERT INTO feature VALUES('catia','CAD','log','Example Design V5','5.34',NULL,0,NULL,NULL,NULL);
INSERT INTO feature VALUES('catia','PLM','log','Example (Platform)','5.34',NULL,0,NULL,NULL,NULL);
INSERT INTO feature VALUES('catia','SIM','log','Example Design V5','5.34',NULL,0,NULL,NULL,NULL);
INSERT INTO feature VALUES('catia','YM2-FTA','log',NULL,NULL,NULL,0,NULL,NULL,NULL);
INSERT INTO feature VALUES('catia','OLD','log',NULL,NULL,NULL,0,NULL,NULL,NULL);
INSERT INTO feature VALUES('catia','ODD','log',NULL,NULL,NULL,0,NULL,NULL,NULL);
INSERT INTO feature VALUES('catia','NEW','log',NULL,NULL,NULL,0,NULL,NULL,NULL);
CREATE TABLE server (
    name text primary key,
    system text not null,
    zone text,
    configured integer not null default 0,
    state text not null default 'unknown',
    since_ms integer,
    started_ms integer,
    heard_ms integer,
    has_sessions integer not null default 0
) strict;
INSERT INTO server VALUES('catia','dsls',NULL,0,'up',NULL,NULL,1740994200000,1);
CREATE TABLE fault (
    server text not null,
    path text not null,
    error text not null,
    primary key (server, path)
) strict;
CREATE TABLE watermark (
    one integer primary key check (one = 1),
    applied integer not null
) strict;
INSERT INTO watermark VALUES(1,17);
CREATE TABLE gap (
    id integer primary key,
    server text not null,
    path text not null,
    from_byte integer not null,
    to_byte integer,
    at_ms integer not null,
    why text not null
) strict;
CREATE TABLE meter (
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
INSERT INTO meter VALUES(1,'catia','CAD-X',0,1740992400000,NULL,NULL);
INSERT INTO meter VALUES(2,'catia','SIM-H',2,1740992100000,NULL,NULL);
INSERT INTO meter VALUES(3,'catia','SIM',5,1740991800000,NULL,NULL);
INSERT INTO meter VALUES(4,'catia','CAD',2,1740994200000,NULL,NULL);
INSERT INTO meter VALUES(5,'catia','PLM',1,1740991200000,NULL,NULL);
INSERT INTO meter VALUES(6,'catia','NEW',0,-9223372036854775808,NULL,NULL);
INSERT INTO meter VALUES(7,'catia','YM2-FTA',0,-9223372036854775808,NULL,NULL);
INSERT INTO meter VALUES(8,'catia','OLD',0,-9223372036854775808,NULL,NULL);
INSERT INTO meter VALUES(9,'catia','ODD',0,-9223372036854775808,NULL,NULL);
CREATE TABLE seat_use (
    meter integer not null,
    seat text not null,
    sessions integer not null,
    seats integer not null,
    since_ms integer not null,
    user text not null,
    primary key (meter, seat)
) strict, without rowid;
INSERT INTO seat_use VALUES(4,'BO.EK@PLANT.S-1-5-21-11-22-33-1002.C0000206.1.QQB-99AABBCCDDEEFF00',2,1,1740990000000,'Bo.Ek');
INSERT INTO seat_use VALUES(5,'bo.ek',1,1,1740991200000,'Bo.Ek');
CREATE TABLE hour (
    meter integer not null,
    hour integer not null,
    seat_ms integer not null,
    peak integer not null,
    checkouts integer not null,
    denials integer not null,
    primary key (meter, hour)
) strict, without rowid;
INSERT INTO hour VALUES(1,483608,2999900,1,1,1);
INSERT INTO hour VALUES(2,483608,0,0,1,0);
INSERT INTO hour VALUES(3,483608,0,0,1,0);
INSERT INTO hour VALUES(4,483608,5639850,3,4,2);
INSERT INTO hour VALUES(4,483609,5400000,3,0,0);
INSERT INTO hour VALUES(5,483608,0,0,1,0);
INSERT INTO hour VALUES(6,483608,0,0,0,1);
INSERT INTO hour VALUES(7,483608,0,0,0,1);
INSERT INTO hour VALUES(8,483608,0,0,0,1);
INSERT INTO hour VALUES(9,483608,0,0,0,1);
CREATE TABLE server_hour (
    server text not null,
    hour integer not null,
    seat_ms integer not null,
    checkouts integer not null,
    denials integer not null,
    primary key (server, hour)
) strict, without rowid;
INSERT INTO server_hour VALUES('catia',483608,8639750,8,7);
INSERT INTO server_hour VALUES('catia',483609,5400000,0,0);
CREATE TABLE user_day (
    meter integer not null,
    day integer not null,
    user text not null,
    checkouts integer not null,
    seat_ms integer not null,
    primary key (meter, day, user)
) strict, without rowid;
INSERT INTO user_day VALUES(1,20150,'anna',1,2999900);
INSERT INTO user_day VALUES(2,20150,'anna',1,0);
INSERT INTO user_day VALUES(3,20150,'anna',1,0);
INSERT INTO user_day VALUES(4,20150,'Bo.Ek',2,0);
INSERT INTO user_day VALUES(4,20150,'anna',2,4799850);
INSERT INTO user_day VALUES(5,20150,'Bo.Ek',1,0);
CREATE TABLE observed (
    server text not null,
    from_ms integer not null,
    to_ms integer not null,
    primary key (server, from_ms)
) strict, without rowid;
INSERT INTO observed VALUES('catia',1740989400100,1740994200000);
CREATE TABLE poll (
    server text primary key,
    state text not null,
    since_ms integer not null,
    error text,
    asked_ms integer,
    answered_ms integer,
    response_ms real,
    coverage text not null
) strict;
CREATE TABLE polled (
    id integer primary key,
    server text not null,
    feature text not null,
    vendor text,
    version text,
    pool text,
    ordinal integer not null,
    issued integer,
    in_use integer,
    reserved integer,
    queued integer,
    borrowed integer,
    is_uncounted integer not null,
    expires_ms integer,
    is_permanent integer not null
) strict;
CREATE VIEW active_sessions as
select
    server,
    feature,
    user,
    host,
    strftime('%Y-%m-%dT%H:%M:%fZ', started_ms / 1000.0, 'unixepoch') as started
from session
order by server, feature, started_ms, id;
CREATE VIEW usage_by_hour as
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
CREATE INDEX denied_hour on hour (meter, denials) where denials > 0;
CREATE INDEX polled_of_feature on polled (server, feature);
COMMIT;
pragma application_id = 1818846071;
pragma user_version = 8;

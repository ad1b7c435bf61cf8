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
INSERT INTO session VALUES(3,'catia','CAD','Bo.Ek','BIRCH',1740990000000,1795654496899,1,'2AA0000000000003','BO.EK@PLANT.S-1-5-21-11-22-33-1002.C0000206.1.QQB-99AABBCCDDEEFF00','6.424','ConcurrentUser',NULL,'C:\Program Files (x86)\Example\R5\bin\CAD.exe',NULL,'log');
INSERT INTO session VALUES(4,'catia','CAD','Bo.Ek','BIRCH',1740990600000,1795654496899,1,'2AA0000000000004','BO.EK@PLANT.S-1-5-21-11-22-33-1002.C0000206.1.QQB-99AABBCCDDEEFF00','5.34','ConcurrentUser',NULL,'D:\Wow!\now!\PROGRA~1\CAD.exe',NULL,'log');
INSERT INTO session VALUES(5,'catia','PLM','Bo.Ek','BIRCH',1740991200000,1795654496899,1,'2AA0000000000005','bo.ek','5.34','NamedUser',NULL,'C:\Program Files\Example\R7\win_b64\code\bin\CAD.exe',NULL,'log');
INSERT INTO session VALUES(6,'catia','SIM','anna','PINE',1740991800000,1795654496899,5,'2AA0000000000006',NULL,'5.34','Token',NULL,'C:\Program Files\Example\R7\win_b64\code\bin\CAD.exe',NULL,'log');
INSERT INTO session VALUES(7,'catia','SIM-H','anna','PINE',1740992100000,1795654496899,2,'2AA0000000000007',NULL,'5.34','Credit',NULL,'C:\Program Files\Example\R7\win_b64\code\bin\CAD.exe',NULL,'log');
INSERT INTO session VALUES(8,'catia','CAD','anna','PINE',1740992160000,1795654496899,1,'02BE16',NULL,NULL,'ConcurrentUser',NULL,NULL,NULL,'log');
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
INSERT INTO feature VALUES('catia','CAD','log','Example Design V5','5.34',NULL,0,NULL,NULL,NULL);
INSERT INTO feature VALUES('catia','PLM','log','Example (Platform)','5.34',NULL,0,NULL,NULL,NULL);
INSERT INTO feature VALUES('catia','SIM','log','Example Design V5','5.34',NULL,0,NULL,NULL,NULL);
INSERT INTO feature VALUES('catia','SIM-H','log','Example Design V5','5.34',NULL,0,NULL,NULL,NULL);
INSERT INTO feature VALUES('catia','YM2-FTA','log',NULL,NULL,NULL,0,NULL,NULL,NULL);
INSERT INTO feature VALUES('catia','NEW','log',NULL,NULL,NULL,0,NULL,NULL,NULL);
INSERT INTO feature VALUES('catia','OLD','log',NULL,NULL,NULL,0,NULL,NULL,NULL);
INSERT INTO feature VALUES('catia','ODD','log',NULL,NULL,NULL,0,NULL,NULL,NULL);
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
CREATE VIEW active_sessions as
select
    server,
    feature,
    user,
    host,
    strftime('%Y-%m-%dT%H:%M:%fZ', started_ms / 1000.0, 'unixepoch') as started
from session
order by server, feature, started_ms, id;
COMMIT;
pragma application_id = 1818846071;
pragma user_version = 3;

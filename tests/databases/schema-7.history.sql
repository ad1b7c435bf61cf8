.bail on
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE name (
    id integer primary key,
    text text not null unique
, seal integer) strict;
INSERT INTO name VALUES(1,'CAD-X',1820244500123611803);
INSERT INTO name VALUES(2,'anna',7118955764554481363);
INSERT INTO name VALUES(3,'PINE',7653530384669160784);
INSERT INTO name VALUES(4,'log',2413641740400354410);
INSERT INTO name VALUES(5,'ANNA@PLANT.S-1-5-21-11-22-33-1001.C0000205.2.QQA-1122334455667788',6527674851520423967);
INSERT INTO name VALUES(6,'5.34',8383836628428414089);
INSERT INTO name VALUES(7,'Example Design V5',4912075156239328967);
INSERT INTO name VALUES(8,'ConcurrentUser',1537857941669578258);
INSERT INTO name VALUES(9,'C:\Program Files\Example\R7\win_b64\code\bin\CAD.exe',3466322949433369160);
INSERT INTO name VALUES(10,'CAD',6517699780264869069);
INSERT INTO name VALUES(11,'Bo.Ek',8984143156370297154);
INSERT INTO name VALUES(12,'BIRCH',7122734337497656466);
INSERT INTO name VALUES(13,'BO.EK@PLANT.S-1-5-21-11-22-33-1002.C0000206.1.QQB-99AABBCCDDEEFF00',7378432371522546048);
INSERT INTO name VALUES(14,'6.424',4060400966040760879);
INSERT INTO name VALUES(15,'C:\Program Files (x86)\Example\R5\bin\CAD.exe',6339092148936228250);
INSERT INTO name VALUES(16,'D:\Wow!\now!\PROGRA~1\CAD.exe',2599303345215794356);
INSERT INTO name VALUES(17,'PLM',5024864406365117073);
INSERT INTO name VALUES(18,'bo.ek',5936776059297625440);
INSERT INTO name VALUES(19,'Example (Platform)',2309403796597909366);
INSERT INTO name VALUES(20,'NamedUser',7160236281904226529);
INSERT INTO name VALUES(21,'SIM',8142090985449033714);
INSERT INTO name VALUES(22,'Token',3014011880142149277);
INSERT INTO name VALUES(23,'SIM-H',3657313514877221720);
INSERT INTO name VALUES(24,'Credit',5493553265999871322);
INSERT INTO name VALUES(25,'checkin',7122971223272456836);
INSERT INTO name VALUES(26,'timeout',120148864562784438);
INSERT INTO name VALUES(27,'no more available license',377646461567036529);
INSERT INTO name VALUES(28,'exhausted',6219984309941720851);
INSERT INTO name VALUES(29,'YM2-FTA',2654958407630430868);
INSERT INTO name VALUES(30,'user bo.ek not authorized',1012320786381503706);
INSERT INTO name VALUES(31,'not_authorised',2761441419342744542);
INSERT INTO name VALUES(32,'NEW',1558096668155688924);
INSERT INTO name VALUES(33,'no license enrolled for this feature',3698718627850837619);
INSERT INTO name VALUES(34,'not_licensed',5414579997367928661);
INSERT INTO name VALUES(35,'OLD',417198683407913935);
INSERT INTO name VALUES(36,'license expired',6702153109514281194);
INSERT INTO name VALUES(37,'expired',7201651096773948817);
INSERT INTO name VALUES(38,'ODD',7732178294624659596);
INSERT INTO name VALUES(39,'the moon is full (again)',2478621525004668648);
INSERT INTO name VALUES(40,'other',4439576646233966275);
INSERT INTO name VALUES(41,'D:\odd|path (1)\CAD.exe',4297938292942211854);
CREATE TABLE server (
    id integer primary key,
    name text not null unique,
    system text not null
, seal integer) strict;
INSERT INTO server VALUES(1,'catia','dsls',2789793862345846618);
CREATE TABLE checkout (
    id integer primary key,
    server integer not null references server (id),
    feature integer not null references name (id),
    at_ms integer not null,
    learned_at_ms integer not null,
    user integer not null references name (id),
    host integer not null references name (id),
    count integer not null,
    handle text not null,
    seat integer references name (id),
    version integer references name (id),
    vendor integer references name (id),
    unit integer references name (id),
    display integer references name (id),
    process integer references name (id),
    project integer references name (id),
    source integer not null references name (id),
    identity_hash integer not null,
    identity_ordinal integer not null,
    raw text,
    seal integer
) strict;
INSERT INTO checkout VALUES(1,1,1,1740989400100,1795665973727,2,3,1,'2AA0000000000001',5,6,7,8,NULL,9,NULL,4,6450300465448958286,0,NULL,6576014247223323281);
INSERT INTO checkout VALUES(2,1,10,1740989400150,1795665973727,2,3,1,'2AA0000000000002',5,6,7,8,NULL,9,NULL,4,-4396737710189979565,0,NULL,6282204827058276052);
INSERT INTO checkout VALUES(3,1,10,1740990000000,1795665973727,11,12,1,'2AA0000000000003',13,14,7,8,NULL,15,NULL,4,3618198615581884938,0,NULL,5367721542166686319);
INSERT INTO checkout VALUES(4,1,10,1740990600000,1795665973727,11,12,1,'2AA0000000000004',13,6,7,8,NULL,16,NULL,4,477071264008412223,0,NULL,2569758457657654714);
INSERT INTO checkout VALUES(5,1,17,1740991200000,1795665973727,11,12,1,'2AA0000000000005',18,6,19,20,NULL,9,NULL,4,4318290612791666638,0,NULL,5451906032533545050);
INSERT INTO checkout VALUES(6,1,21,1740991800000,1795665973727,2,3,5,'2AA0000000000006',NULL,6,7,22,NULL,9,NULL,4,6787905371718405649,0,NULL,2986667112793335253);
INSERT INTO checkout VALUES(7,1,23,1740992100000,1795665973727,2,3,2,'2AA0000000000007',NULL,6,7,24,NULL,9,NULL,4,54258100881758755,0,NULL,7627173173569733383);
INSERT INTO checkout VALUES(8,1,10,1740992160000,1795665973727,2,3,1,'02BE16',NULL,NULL,7,8,NULL,NULL,NULL,4,-1564054624907359388,0,NULL,6426797846251899784);
CREATE TABLE checkin (
    id integer primary key,
    checkout integer references checkout (id),
    server integer not null references server (id),
    feature integer not null references name (id),
    at_ms integer not null,
    learned_at_ms integer not null,
    handle text,
    user integer references name (id),
    host integer references name (id),
    reason integer not null references name (id),
    ended_before_ms integer,
    exit_status integer,
    exit_signal integer,
    cpu_ms integer,
    memory_peak_bytes integer,
    identity_hash integer not null,
    identity_ordinal integer not null,
    raw text,
    seal integer
) strict;
INSERT INTO checkin VALUES(9,1,1,1,1740992400000,1795665973727,NULL,NULL,NULL,25,NULL,NULL,NULL,NULL,NULL,4104144693859100134,0,NULL,6801190988424009331);
INSERT INTO checkin VALUES(10,2,1,10,1740994200000,1795665973727,NULL,NULL,NULL,26,NULL,NULL,NULL,NULL,NULL,-5565664872559430910,0,NULL,7640472564098031899);
CREATE TABLE pairing (
    id integer primary key,
    checkout integer not null references checkout (id),
    checkin integer not null references checkin (id),
    seal integer
) strict;
CREATE TABLE denial (
    id integer primary key,
    server integer not null references server (id),
    feature integer not null references name (id),
    at_ms integer not null,
    learned_at_ms integer not null,
    user integer not null references name (id),
    host integer not null references name (id),
    count integer not null,
    reason integer not null references name (id),
    reason_class integer not null references name (id),
    process integer references name (id),
    identity_hash integer not null,
    identity_ordinal integer not null,
    raw text,
    seal integer
, tries integer not null default 1) strict;
INSERT INTO denial VALUES(11,1,1,1740991024996,1795665973787,2,3,1,27,28,9,5789128675962070517,0,NULL,1805640818333106193,1);
INSERT INTO denial VALUES(12,1,10,1740991044857,1795665973787,2,3,1,27,28,9,4690589024787621425,0,NULL,6412737329295776361,1);
INSERT INTO denial VALUES(13,1,29,1740991080000,1795665973787,18,12,1,30,31,15,-5902185668562390159,0,NULL,8178982976331429288,1);
INSERT INTO denial VALUES(14,1,32,1740991140000,1795665973787,18,12,1,33,34,9,-4051243779959482504,0,NULL,1319467448829975661,1);
INSERT INTO denial VALUES(15,1,35,1740991200000,1795665973787,18,12,1,36,37,9,530519416636093917,0,NULL,8442308885381626068,1);
INSERT INTO denial VALUES(16,1,38,1740991260000,1795665973787,18,12,1,39,40,9,8316249055620573122,0,NULL,2809340383778254845,1);
INSERT INTO denial VALUES(17,1,10,1740991320000,1795665973787,18,12,1,27,28,41,-2993598268224550654,0,NULL,5386407016590610284,1);
CREATE TABLE queued (
    id integer primary key,
    server integer not null references server (id),
    feature integer not null references name (id),
    at_ms integer not null,
    learned_at_ms integer not null,
    user integer not null references name (id),
    host integer not null references name (id),
    count integer not null,
    ticket text not null,
    identity_hash integer not null,
    identity_ordinal integer not null,
    raw text,
    seal integer
, credit_ms integer not null default 0) strict;
CREATE TABLE dequeued (
    id integer primary key,
    queued integer references queued (id),
    server integer not null references server (id),
    feature integer not null references name (id),
    at_ms integer not null,
    learned_at_ms integer not null,
    ticket text not null,
    outcome integer not null references name (id),
    identity_hash integer not null,
    identity_ordinal integer not null,
    raw text,
    seal integer
) strict;
CREATE TABLE server_event (
    id integer primary key,
    server integer not null references server (id),
    at_ms integer not null,
    learned_at_ms integer not null,
    change integer not null references name (id),
    text text not null,
    identity_hash integer not null,
    identity_ordinal integer not null,
    raw text,
    seal integer
, ends text) strict;
CREATE TABLE block (
    first_id integer not null,
    server integer not null references server (id),
    last_id integer not null,
    earliest_ms integer not null,
    latest_ms integer not null, seal integer,
    primary key (first_id, server)
) strict;
CREATE TABLE batch (
    number integer primary key,
    first_id integer not null,
    last_id integer not null,
    committed_at_ms integer not null,
    chain blob
, last_name integer, last_server integer) strict;
INSERT INTO batch VALUES(1,1,10,1795665973727,X'1a7e276172e6b133a724d5fdcc5948a8a670c3ace11428d586924cc054ded089',26,1);
INSERT INTO batch VALUES(2,11,17,1795665973788,X'd5ebb4dbb7e035e7866c8b74c115cfd707f329d0b3677092a256bbd38b1447e7',41,1);
CREATE TABLE checkpoint (
    id integer primary key,
    server integer not null references server (id),
    path text not null,
    dev integer not null,
    ino integer not null,
    head_len integer not null,
    head blob not null,
    anchor_len integer not null,
    anchor blob not null,
    offset integer not null,
    last_at_ms integer,
    usage_lines integer not null,
    lines integer not null,
    events integer not null,
    noise integer not null,
    unknown integer not null,
    examples text not null
, is_gone integer not null default 0) strict;
INSERT INTO checkpoint VALUES(940039796792252940,1,'../../monitor/parse/fixtures/dsls/usage_on_premises.log',65024,10011517,1024,X'450f6c05e683a38a801f000c25364347e539cf1ec06a2f3beddf879c3709f6a5',256,X'ff84bdb716450a6997a85941c82d626cedeb29e49d1d96b0eda32e25b63f8281',2490,1740994200000,10,10,10,0,0,'[]',0);
INSERT INTO checkpoint VALUES(3224241625105471340,1,'../../monitor/parse/fixtures/dsls/denials.log',65024,10011511,1024,X'f2dd6cff2bfeefe91fbde701b7500ef2a3f64bf77d6abc097ccff1c88bf77b10',256,X'321e06b6ce0d6f6afc6c851048da879bb647183e6086439b97286c356be9b8d9',2443,1740991383000,0,11,7,0,4,'[{"line":8,"why":"malformed denial","text":"2025/03/03 08:43:00:000 W LICENSESERV CAD not granted"},{"line":9,"why":"malformed denial","text":"2025/03/03 08:43:01:000 W LICENSESERV CAD not granted, no more available license ( from client PINE/192.0.2.5|anna|x|y )"},{"line":10,"why":"malformed denial","text":"2025/03/03 08:43:02:000 W LICENSESERV CAD not granted, no more available license ( from client PINE (1122334455667788-c0000205.2)/192.0.2.5|anna|ANNA@PLANT.S-1-5-21-11-22-33-1001.C0000205.2.QQA-1122334455667788|C:\\Program Files\\Example\\R7\\win_b64\\code\\bin\\CAD.exe ) and more"},{"line":11,"why":"malformed denial","text":"2025/03/03 08:43:03:000 W LICENSESERV  not granted, no more available license ( from client PINE (1-2.3)/192.0.2.5|anna|x|y )"}]',0);
CREATE TABLE gap (
    id integer primary key,
    mends integer references gap (id),
    server integer not null references server (id),
    generation integer not null,
    path text not null,
    from_byte integer not null,
    to_byte integer,
    at_ms integer not null,
    learned_at_ms integer not null,
    why text not null,
    seal integer
) strict;
CREATE TABLE sample (
    id integer primary key,
    server integer not null references server (id),
    feature integer not null references name (id),
    vendor integer references name (id),
    version integer references name (id),
    pool integer references name (id),
    ordinal integer not null,
    at_ms integer not null,
    learned_at_ms integer not null,
    issued integer,
    in_use integer,
    reserved integer,
    queued integer,
    borrowed integer,
    seal integer
) strict;
CREATE TABLE entitlement (
    id integer primary key,
    server integer not null references server (id),
    feature integer not null references name (id),
    vendor integer references name (id),
    version integer references name (id),
    pool integer references name (id),
    ordinal integer not null,
    at_ms integer not null,
    learned_at_ms integer not null,
    is_told integer not null,
    issued integer,
    is_uncounted integer not null,
    expires_ms integer,
    is_permanent integer not null,
    seal integer
) strict;
CREATE INDEX checkin_by_checkout on checkin (checkout) where checkout is not null;
CREATE INDEX checkin_without_checkout on checkin (handle, server, feature, at_ms) where checkout is null;
CREATE INDEX pairing_by_checkout on pairing (checkout);
CREATE INDEX pairing_by_checkin on pairing (checkin);
CREATE VIEW session as
select
    c.id,
    server.name as server,
    feature.text as feature,
    version.text as version,
    user.text as user,
    host.text as host,
    display.text as display,
    c.count,
    unit.text as unit,
    strftime('%Y-%m-%dT%H:%M:%fZ', c.at_ms / 1000.0, 'unixepoch') as started,
    strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(e.at_ms, l.at_ms) / 1000.0, 'unixepoch') as ended,
    end_reason.text as end_reason,
    max(coalesce(e.at_ms, l.at_ms) - c.at_ms, 0) / 1000.0 as duration_s,
    process.text as process,
    project.text as project,
    c.handle,
    source.text as source,
    seat.text as seat,
    c.at_ms as started_ms,
    coalesce(e.at_ms, l.at_ms) as ended_ms,
    coalesce(e.ended_before_ms, l.ended_before_ms) as ended_before_ms,
    c.learned_at_ms,
    coalesce(e.exit_status, l.exit_status) as exit_status,
    coalesce(e.exit_signal, l.exit_signal) as exit_signal,
    coalesce(e.cpu_ms, l.cpu_ms) / 1000.0 as cpu_s,
    coalesce(e.memory_peak_bytes, l.memory_peak_bytes) as memory_peak_bytes
from checkout c
join server on server.id = c.server
join name feature on feature.id = c.feature
join name user on user.id = c.user
join name host on host.id = c.host
join name source on source.id = c.source
left join name version on version.id = c.version
left join name display on display.id = c.display
left join name unit on unit.id = c.unit
left join name process on process.id = c.process
left join name project on project.id = c.project
left join name seat on seat.id = c.seat
left join checkin e on e.checkout = c.id
left join pairing p on p.id = (
    select q.id from pairing q join checkin k on k.id = q.checkin where q.checkout = c.id
    order by k.at_ms, k.id limit 1)
left join checkin l on l.id = p.checkin
left join name end_reason on end_reason.id = coalesce(e.reason, l.reason);
CREATE TRIGGER name_is_not_updated before update on name
begin
    select raise(abort, 'history only grows: name is never updated');
end;
CREATE TRIGGER name_is_not_deleted before delete on name
begin
    select raise(abort, 'history only grows: name is never deleted from');
end;
CREATE TRIGGER name_is_not_replaced before insert on name
when exists (select 1 from name where id = new.id or text = new.text)
begin
    select raise(abort, 'history only grows: name is never replaced');
end;
CREATE TRIGGER server_is_not_updated before update on server
begin
    select raise(abort, 'history only grows: server is never updated');
end;
CREATE TRIGGER server_is_not_deleted before delete on server
begin
    select raise(abort, 'history only grows: server is never deleted from');
end;
CREATE TRIGGER server_is_not_replaced before insert on server
when exists (select 1 from server where id = new.id or name = new.name)
begin
    select raise(abort, 'history only grows: server is never replaced');
end;
CREATE TRIGGER block_is_not_updated before update on block
begin
    select raise(abort, 'history only grows: block is never updated');
end;
CREATE TRIGGER block_is_not_deleted before delete on block
begin
    select raise(abort, 'history only grows: block is never deleted from');
end;
CREATE TRIGGER block_is_not_replaced before insert on block
when exists (select 1 from block where first_id = new.first_id and server = new.server)
begin
    select raise(abort, 'history only grows: block is never replaced');
end;
CREATE TRIGGER batch_is_not_updated before update on batch
begin
    select raise(abort, 'history only grows: batch is never updated');
end;
CREATE TRIGGER batch_is_not_deleted before delete on batch
begin
    select raise(abort, 'history only grows: batch is never deleted from');
end;
CREATE TRIGGER batch_is_not_replaced before insert on batch
when exists (select 1 from batch where number = new.number)
begin
    select raise(abort, 'history only grows: batch is never replaced');
end;
CREATE TRIGGER checkout_is_not_updated before update on checkout
begin
    select raise(abort, 'history only grows: checkout is never updated');
end;
CREATE TRIGGER checkout_is_not_deleted before delete on checkout
begin
    select raise(abort, 'history only grows: checkout is never deleted from');
end;
CREATE TRIGGER checkout_is_not_replaced before insert on checkout
when exists (select 1 from checkout where id = new.id)
begin
    select raise(abort, 'history only grows: checkout is never replaced');
end;
CREATE TRIGGER checkin_is_not_updated before update on checkin
begin
    select raise(abort, 'history only grows: checkin is never updated');
end;
CREATE TRIGGER checkin_is_not_deleted before delete on checkin
begin
    select raise(abort, 'history only grows: checkin is never deleted from');
end;
CREATE TRIGGER checkin_is_not_replaced before insert on checkin
when exists (select 1 from checkin where id = new.id)
begin
    select raise(abort, 'history only grows: checkin is never replaced');
end;
CREATE TRIGGER pairing_is_not_updated before update on pairing
begin
    select raise(abort, 'history only grows: pairing is never updated');
end;
CREATE TRIGGER pairing_is_not_deleted before delete on pairing
begin
    select raise(abort, 'history only grows: pairing is never deleted from');
end;
CREATE TRIGGER pairing_is_not_replaced before insert on pairing
when exists (select 1 from pairing where id = new.id)
begin
    select raise(abort, 'history only grows: pairing is never replaced');
end;
CREATE TRIGGER denial_is_not_updated before update on denial
begin
    select raise(abort, 'history only grows: denial is never updated');
end;
CREATE TRIGGER denial_is_not_deleted before delete on denial
begin
    select raise(abort, 'history only grows: denial is never deleted from');
end;
CREATE TRIGGER denial_is_not_replaced before insert on denial
when exists (select 1 from denial where id = new.id)
begin
    select raise(abort, 'history only grows: denial is never replaced');
end;
CREATE TRIGGER queued_is_not_updated before update on queued
begin
    select raise(abort, 'history only grows: queued is never updated');
end;
CREATE TRIGGER queued_is_not_deleted before delete on queued
begin
    select raise(abort, 'history only grows: queued is never deleted from');
end;
CREATE TRIGGER queued_is_not_replaced before insert on queued
when exists (select 1 from queued where id = new.id)
begin
    select raise(abort, 'history only grows: queued is never replaced');
end;
CREATE TRIGGER dequeued_is_not_updated before update on dequeued
begin
    select raise(abort, 'history only grows: dequeued is never updated');
end;
CREATE TRIGGER dequeued_is_not_deleted before delete on dequeued
begin
    select raise(abort, 'history only grows: dequeued is never deleted from');
end;
CREATE TRIGGER dequeued_is_not_replaced before insert on dequeued
when exists (select 1 from dequeued where id = new.id)
begin
    select raise(abort, 'history only grows: dequeued is never replaced');
end;
CREATE TRIGGER server_event_is_not_updated before update on server_event
begin
    select raise(abort, 'history only grows: server_event is never updated');
end;
CREATE TRIGGER server_event_is_not_deleted before delete on server_event
begin
    select raise(abort, 'history only grows: server_event is never deleted from');
end;
CREATE TRIGGER server_event_is_not_replaced before insert on server_event
when exists (select 1 from server_event where id = new.id)
begin
    select raise(abort, 'history only grows: server_event is never replaced');
end;
CREATE TRIGGER checkpoint_is_not_deleted before delete on checkpoint
begin
    select raise(abort, 'history only grows: checkpoint is never deleted from');
end;
CREATE INDEX denial_by_who on denial (server, feature, user, host, at_ms, tries);
CREATE INDEX gap_by_mended on gap (mends) where mends is not null;
CREATE TRIGGER gap_is_not_updated before update on gap
begin
    select raise(abort, 'history only grows: gap is never updated');
end;
CREATE TRIGGER gap_is_not_deleted before delete on gap
begin
    select raise(abort, 'history only grows: gap is never deleted from');
end;
CREATE TRIGGER gap_is_not_replaced before insert on gap
when exists (select 1 from gap where id = new.id)
begin
    select raise(abort, 'history only grows: gap is never replaced');
end;
CREATE INDEX entitlement_of_feature on entitlement (server, feature);
CREATE TRIGGER sample_is_not_updated before update on sample
begin
    select raise(abort, 'history only grows: sample is never updated');
end;
CREATE TRIGGER sample_is_not_deleted before delete on sample
begin
    select raise(abort, 'history only grows: sample is never deleted from');
end;
CREATE TRIGGER sample_is_not_replaced before insert on sample
when exists (select 1 from sample where id = new.id)
begin
    select raise(abort, 'history only grows: sample is never replaced');
end;
CREATE TRIGGER entitlement_is_not_updated before update on entitlement
begin
    select raise(abort, 'history only grows: entitlement is never updated');
end;
CREATE TRIGGER entitlement_is_not_deleted before delete on entitlement
begin
    select raise(abort, 'history only grows: entitlement is never deleted from');
end;
CREATE TRIGGER entitlement_is_not_replaced before insert on entitlement
when exists (select 1 from entitlement where id = new.id)
begin
    select raise(abort, 'history only grows: entitlement is never replaced');
end;
COMMIT;
pragma application_id = 1818846071;
pragma user_version = 7;

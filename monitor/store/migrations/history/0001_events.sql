-- Everything that ever happened. Record tables only grow: no row is ever changed or removed.
-- One sequence of ids runs over all record tables, so an id is also the order in which things were learned.
-- Times are milliseconds since 1970 in UTC. Every text that repeats is a row of `name`.

create table name (
    id integer primary key,
    text text not null unique
) strict;

-- A license server that anything was ever learned of.
create table server (
    id integer primary key,
    name text not null unique,
    system text not null
) strict;

-- A seat taken.
create table checkout (
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

-- A seat given back. Points at its checkout; where that was not known, says what it was.
create table checkin (
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

create index checkin_by_checkout on checkin (checkout) where checkout is not null;
create index checkin_without_checkout on checkin (handle, server, feature, at_ms) where checkout is null;

-- A checkout and a checkin that was not stored as its end: it was learned before it, or is nearer than the one known so far.
-- Of several, the earliest checkin is the end.
create table pairing (
    id integer primary key,
    checkout integer not null references checkout (id),
    checkin integer not null references checkin (id),
    seal integer
) strict;

create index pairing_by_checkout on pairing (checkout);
create index pairing_by_checkin on pairing (checkin);

-- A refused checkout.
create table denial (
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
) strict;

-- Somebody began to wait for seats.
create table queued (
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
) strict;

-- Somebody no longer waits. Points at the row that says who, where that is known.
create table dequeued (
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

-- A change of the license server itself.
create table server_event (
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
) strict;

-- The times that the records of one server in a full run of ids cover: a time index of one row per thousand records.
create table block (
    first_id integer not null,
    server integer not null references server (id),
    last_id integer not null,
    earliest_ms integer not null,
    latest_ms integer not null,
    primary key (first_id, server)
) strict;

-- One row per commit. `chain` is for the seal of the records.
create table batch (
    number integer primary key,
    first_id integer not null,
    last_id integer not null,
    committed_at_ms integer not null,
    chain blob
) strict;

-- How far each file was read. The one working table: it is updated.
create table checkpoint (
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
) strict;

-- A session is a checkout with its checkin, if it has one.
create view session as
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

-- What is written stays. `insert or replace` is stopped by the insert guards.

create trigger name_is_not_updated before update on name
begin
    select raise(abort, 'history only grows: name is never updated');
end;
create trigger name_is_not_deleted before delete on name
begin
    select raise(abort, 'history only grows: name is never deleted from');
end;
create trigger name_is_not_replaced before insert on name
when exists (select 1 from name where id = new.id or text = new.text)
begin
    select raise(abort, 'history only grows: name is never replaced');
end;

create trigger server_is_not_updated before update on server
begin
    select raise(abort, 'history only grows: server is never updated');
end;
create trigger server_is_not_deleted before delete on server
begin
    select raise(abort, 'history only grows: server is never deleted from');
end;
create trigger server_is_not_replaced before insert on server
when exists (select 1 from server where id = new.id or name = new.name)
begin
    select raise(abort, 'history only grows: server is never replaced');
end;

create trigger block_is_not_updated before update on block
begin
    select raise(abort, 'history only grows: block is never updated');
end;
create trigger block_is_not_deleted before delete on block
begin
    select raise(abort, 'history only grows: block is never deleted from');
end;
create trigger block_is_not_replaced before insert on block
when exists (select 1 from block where first_id = new.first_id and server = new.server)
begin
    select raise(abort, 'history only grows: block is never replaced');
end;

create trigger batch_is_not_updated before update on batch
begin
    select raise(abort, 'history only grows: batch is never updated');
end;
create trigger batch_is_not_deleted before delete on batch
begin
    select raise(abort, 'history only grows: batch is never deleted from');
end;
create trigger batch_is_not_replaced before insert on batch
when exists (select 1 from batch where number = new.number)
begin
    select raise(abort, 'history only grows: batch is never replaced');
end;

create trigger checkout_is_not_updated before update on checkout
begin
    select raise(abort, 'history only grows: checkout is never updated');
end;
create trigger checkout_is_not_deleted before delete on checkout
begin
    select raise(abort, 'history only grows: checkout is never deleted from');
end;
create trigger checkout_is_not_replaced before insert on checkout
when exists (select 1 from checkout where id = new.id)
begin
    select raise(abort, 'history only grows: checkout is never replaced');
end;

create trigger checkin_is_not_updated before update on checkin
begin
    select raise(abort, 'history only grows: checkin is never updated');
end;
create trigger checkin_is_not_deleted before delete on checkin
begin
    select raise(abort, 'history only grows: checkin is never deleted from');
end;
create trigger checkin_is_not_replaced before insert on checkin
when exists (select 1 from checkin where id = new.id)
begin
    select raise(abort, 'history only grows: checkin is never replaced');
end;

create trigger pairing_is_not_updated before update on pairing
begin
    select raise(abort, 'history only grows: pairing is never updated');
end;
create trigger pairing_is_not_deleted before delete on pairing
begin
    select raise(abort, 'history only grows: pairing is never deleted from');
end;
create trigger pairing_is_not_replaced before insert on pairing
when exists (select 1 from pairing where id = new.id)
begin
    select raise(abort, 'history only grows: pairing is never replaced');
end;

create trigger denial_is_not_updated before update on denial
begin
    select raise(abort, 'history only grows: denial is never updated');
end;
create trigger denial_is_not_deleted before delete on denial
begin
    select raise(abort, 'history only grows: denial is never deleted from');
end;
create trigger denial_is_not_replaced before insert on denial
when exists (select 1 from denial where id = new.id)
begin
    select raise(abort, 'history only grows: denial is never replaced');
end;

create trigger queued_is_not_updated before update on queued
begin
    select raise(abort, 'history only grows: queued is never updated');
end;
create trigger queued_is_not_deleted before delete on queued
begin
    select raise(abort, 'history only grows: queued is never deleted from');
end;
create trigger queued_is_not_replaced before insert on queued
when exists (select 1 from queued where id = new.id)
begin
    select raise(abort, 'history only grows: queued is never replaced');
end;

create trigger dequeued_is_not_updated before update on dequeued
begin
    select raise(abort, 'history only grows: dequeued is never updated');
end;
create trigger dequeued_is_not_deleted before delete on dequeued
begin
    select raise(abort, 'history only grows: dequeued is never deleted from');
end;
create trigger dequeued_is_not_replaced before insert on dequeued
when exists (select 1 from dequeued where id = new.id)
begin
    select raise(abort, 'history only grows: dequeued is never replaced');
end;

create trigger server_event_is_not_updated before update on server_event
begin
    select raise(abort, 'history only grows: server_event is never updated');
end;
create trigger server_event_is_not_deleted before delete on server_event
begin
    select raise(abort, 'history only grows: server_event is never deleted from');
end;
create trigger server_event_is_not_replaced before insert on server_event
when exists (select 1 from server_event where id = new.id)
begin
    select raise(abort, 'history only grows: server_event is never replaced');
end;

create trigger checkpoint_is_not_deleted before delete on checkpoint
begin
    select raise(abort, 'history only grows: checkpoint is never deleted from');
end;

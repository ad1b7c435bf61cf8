-- What license servers answered, each time it was other than before. Null is what an answer did not tell. Equal names of other
-- vendors, versions or pools are stocks of their own, and `ordinal` counts those that are equal in all of it.

-- The seats of one stock. One that an answer no longer tells is a row of nulls.
create table sample (
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

-- The license of one stock: its seats and its end. `is_told` is 0 when the license server serves it no more.
create table entitlement (
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

create index entitlement_of_feature on entitlement (server, feature);

create trigger sample_is_not_updated before update on sample
begin
    select raise(abort, 'history only grows: sample is never updated');
end;
create trigger sample_is_not_deleted before delete on sample
begin
    select raise(abort, 'history only grows: sample is never deleted from');
end;
create trigger sample_is_not_replaced before insert on sample
when exists (select 1 from sample where id = new.id)
begin
    select raise(abort, 'history only grows: sample is never replaced');
end;

create trigger entitlement_is_not_updated before update on entitlement
begin
    select raise(abort, 'history only grows: entitlement is never updated');
end;
create trigger entitlement_is_not_deleted before delete on entitlement
begin
    select raise(abort, 'history only grows: entitlement is never deleted from');
end;
create trigger entitlement_is_not_replaced before insert on entitlement
when exists (select 1 from entitlement where id = new.id)
begin
    select raise(abort, 'history only grows: entitlement is never replaced');
end;

-- What was written to a log and could not be read: bytes of one generation of a file, `to_byte` null where nobody can know how
-- many. A row with `mends` says that what is missing by that row was read after all.
create table gap (
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

create index gap_by_mended on gap (mends) where mends is not null;

create trigger gap_is_not_updated before update on gap
begin
    select raise(abort, 'history only grows: gap is never updated');
end;
create trigger gap_is_not_deleted before delete on gap
begin
    select raise(abort, 'history only grows: gap is never deleted from');
end;
create trigger gap_is_not_replaced before insert on gap
when exists (select 1 from gap where id = new.id)
begin
    select raise(abort, 'history only grows: gap is never replaced');
end;

-- Whether the file was seen to go away when all of it was read: what is missing of it then is nothing.
alter table checkpoint add column is_gone integer not null default 0;

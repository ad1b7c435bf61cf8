-- What could not be read of the logs of a server, as long as it is missing; `id` is the row of `gap` in history.
create table gap (
    id integer primary key,
    server text not null,
    path text not null,
    from_byte integer not null,
    to_byte integer,
    at_ms integer not null,
    why text not null
) strict;

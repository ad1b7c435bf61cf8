-- What is so now, and never the past. A fold over history.db: it may be deleted and is made again.
-- Names stand here as text, so that `sqlite3 license_manager.db 'select * from active_sessions'` answers.
-- Times are milliseconds since 1970 in UTC.

-- A session that is held now; `id` is its checkout in history.
create table session (
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

-- Somebody who waits for seats now; `id` is the row of `queued` in history.
create table waiter (
    id integer primary key,
    server text not null,
    feature text not null,
    user text not null,
    host text not null,
    count integer not null,
    since_ms integer not null,
    ticket text not null
) strict;

-- A feature that was ever heard of, with what the configuration says of it.
create table feature (
    server text not null,
    feature text not null,
    source text,
    vendor text,
    version text,
    issued integer,
    uncounted integer not null default 0,
    primary key (server, feature)
) strict;

-- A license server: its state, and whether the configuration names it.
create table server (
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

-- What keeps us from reading a server (`path` is empty) or one of its files.
create table fault (
    server text not null,
    path text not null,
    error text not null,
    primary key (server, path)
) strict;

-- The newest record of history that is in the picture.
create table watermark (
    one integer primary key check (one = 1),
    applied integer not null
) strict;

insert into watermark (one, applied) values (1, 0);

-- Exactly what is held now.
create view active_sessions as
select
    server,
    feature,
    user,
    host,
    strftime('%Y-%m-%dT%H:%M:%fZ', started_ms / 1000.0, 'unixepoch') as started
from session
order by server, feature, started_ms, id;

-- What a license server answered last when it was asked. Not of history: the next answer makes it again.
create table poll (
    server text primary key,
    state text not null,
    since_ms integer not null,
    error text,
    asked_ms integer not null,
    answered_ms integer,
    response_ms real,
    coverage text not null
) strict;

-- The features of that answer; equal names of other vendors, versions or pools are rows of their own.
create table polled (
    id integer primary key,
    server text not null,
    feature text not null,
    vendor text,
    version text,
    pool text,
    issued integer,
    in_use integer,
    reserved integer,
    queued integer,
    uncounted integer not null,
    expires_ms integer
) strict;

create index polled_of_server on polled (server, feature);

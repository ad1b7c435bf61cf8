-- What license servers answered is a fold over history now: it is made anew, and the next answers fill it.
drop table poll;
drop table polled;

-- Whether a license server serves, as it was last told. `asked_ms` is null until it is asked by the licmon that runs.
create table poll (
    server text primary key,
    state text not null,
    since_ms integer not null,
    error text,
    asked_ms integer,
    answered_ms integer,
    response_ms real,
    coverage text not null
) strict;

-- What was last told of each stock of each feature. What is in use of a server that does not answer is in here still, and not shown.
create table polled (
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

create index polled_of_feature on polled (server, feature);

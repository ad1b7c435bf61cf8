-- What the configuration says of a wrapped tool beyond its seats.

alter table feature add column reserved integer;
alter table feature add column mode text;
alter table feature add column expires_ms integer;

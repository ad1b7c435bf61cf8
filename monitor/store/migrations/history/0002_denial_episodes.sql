-- How many tries in a row one denial stands for, where a tool that asked without end was counted instead of told.
alter table denial add column tries integer not null default 1;

-- All that was refused of a feature, and the tries of one user at one host in a row, without reading anything else.
create index denial_by_who on denial (server, feature, user, host, at_ms, tries);

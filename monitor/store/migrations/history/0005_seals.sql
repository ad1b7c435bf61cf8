-- Every commit is sealed: what each row hashes to is in the chain of its commit, and the first 63 bits of it are the row's `seal`.
-- Rows of before are not: no seal is made up for them. A column that is added later must be null in rows that are there already,
-- or their seals would no longer fit.
alter table name add column seal integer;
alter table server add column seal integer;
alter table block add column seal integer;

-- The newest rows of `name` and `server` when the commit was made: those after the commit before it are in its chain.
alter table batch add column last_name integer;
alter table batch add column last_server integer;

-- By how much a waiter goes before those who came when it did.
alter table waiter add column credit_ms integer not null default 0;

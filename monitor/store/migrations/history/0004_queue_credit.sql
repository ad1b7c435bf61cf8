-- By how much somebody who waits goes before those who came when he did: what his class is worth.
alter table queued add column credit_ms integer not null default 0;

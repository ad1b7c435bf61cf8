-- A vendor daemon that starts knows nothing of the sessions before: those whose handles begin with this and a blank end there.
alter table server_event add column ends text;

-- Hours in which anything was denied are few: their sum is made of them alone, however many hours there are.
create index denied_hour on hour (meter, denials) where denials > 0;

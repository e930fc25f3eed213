-- What a watch action costs, in satoshi, gas included: the whole fee while it may still be mined, what
-- was not given back once it is, nothing once it never will be. Budgets are sums of it.
alter table watch_action add column fee bigint not null default 0;

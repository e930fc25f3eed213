-- The signed transaction of a deployment attempt. It is written before it is sent: whoever was interrupted
-- in between sends the same one again. None in an attempt of an older program, which had sent it first.
alter table deployment_attempt add column raw bytea;

-- A direction in the short form of sparky-protocol: an eighth of the bytes of `body`, which is written
-- at every payment no more. A row of an older program keeps its text until the direction next moves;
-- from then on the text is empty.
alter table direction add column street bytea;

-- Up Migration
-- Marks on the time charts that are no changes of features, such as a deploy of the site. They say nothing to edges or decisions.
create table annotations (
  seq bigint generated always as identity primary key,
  annotation_id text not null unique,
  at timestamptz not null,
  title text not null check (char_length(title) between 1 and 200),
  link text,
  -- neither tags nor features: it is about all of them
  tags text[] not null default '{}',
  feature_ids text[] not null default '{}',
  made_by text not null,
  made_at timestamptz not null default clock_timestamp()
);
create index annotations_at on annotations (at desc, seq desc);

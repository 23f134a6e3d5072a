-- The schema that the files in migrations/ make, for readers. `npm run schema` writes it; a test fails when it is stale.
-- The migrations hold the reasons in their comments. Rows that they insert and partitions made with time are not here.

do $$
begin
  create role sluice_service nologin;
exception
  when duplicate_object then null;
end
$$;

create sequence schema_migrations_id_seq as integer;
create sequence telemetry_writer as integer;

create table aggregate_database (
  only_row boolean default true not null,
  name text,
  installation text default (gen_random_uuid())::text not null,
  by_partition boolean default false not null,
  partitions smallint,
  constraint aggregate_database_pkey PRIMARY KEY (only_row),
  constraint aggregate_database_only_row_check CHECK (only_row)
);

create table alert_hooks (
  name text not null,
  source text not null,
  authentication text not null,
  mode text not null,
  feature_id text,
  tag text,
  feature_label text not null,
  tag_label text not null,
  allowed_features text[] not null,
  allowed_tags text[] not null,
  secret bytea not null,
  old_secret bytea,
  old_secret_until timestamp with time zone,
  version integer default 1 not null,
  created_at timestamp with time zone default now() not null,
  created_by text not null,
  updated_at timestamp with time zone default now() not null,
  updated_by text not null,
  refused_at timestamp with time zone,
  refusal text,
  constraint alert_hooks_pkey PRIMARY KEY (name),
  constraint alert_hooks_authentication_check CHECK ((authentication = ANY (ARRAY['secret'::text, 'signature'::text]))),
  constraint alert_hooks_check CHECK (((feature_id IS NULL) OR (tag IS NULL))),
  constraint alert_hooks_mode_check CHECK ((mode = ANY (ARRAY['shadow'::text, 'enforce'::text]))),
  constraint alert_hooks_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9-]{0,62}$'::text)),
  constraint alert_hooks_source_check CHECK ((source = ANY (ARRAY['alertmanager'::text, 'grafana'::text, 'datadog'::text, 'pagerduty'::text, 'generic'::text])))
);

create table annotations (
  seq bigint generated always as identity not null,
  annotation_id text not null,
  at timestamp with time zone not null,
  title text not null,
  link text,
  tags text[] default '{}'::text[] not null,
  feature_ids text[] default '{}'::text[] not null,
  made_by text not null,
  made_at timestamp with time zone default clock_timestamp() not null,
  constraint annotations_pkey PRIMARY KEY (seq),
  constraint annotations_annotation_id_key UNIQUE (annotation_id),
  constraint annotations_title_check CHECK (((char_length(title) >= 1) AND (char_length(title) <= 200)))
);

CREATE INDEX annotations_at ON public.annotations USING btree (at DESC, seq DESC);

create table announcement_sources (
  only_row boolean default true not null,
  audit_seq bigint not null,
  evaluation_id bigint not null,
  operator_event_id bigint default 0 not null,
  hook_delivery_id bigint default 0 not null,
  constraint announcement_sources_pkey PRIMARY KEY (only_row),
  constraint announcement_sources_only_row_check CHECK (only_row)
);

create table announcements (
  id bigint generated always as identity not null,
  uid uuid default gen_random_uuid() not null,
  key text,
  event text not null,
  at timestamp with time zone not null,
  announced_at timestamp with time zone default clock_timestamp() not null,
  feature_id text,
  tags text[] default '{}'::text[] not null,
  document jsonb not null,
  constraint announcements_pkey PRIMARY KEY (id),
  constraint announcements_key_key UNIQUE (key)
);

CREATE INDEX announcements_announced ON public.announcements USING btree (announced_at);

create table api_tokens (
  token_id text not null,
  digest bytea not null,
  name text not null,
  scope text not null,
  tags text[],
  created_at timestamp with time zone default now() not null,
  created_by text not null,
  expires_at timestamp with time zone,
  last_used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  revoked_by text,
  holder text,
  issuer text,
  subject text,
  constraint api_tokens_pkey PRIMARY KEY (token_id),
  constraint api_tokens_digest_key UNIQUE (digest),
  constraint api_tokens_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
  constraint api_tokens_scope_check CHECK ((scope = ANY (ARRAY['viewer'::text, 'editor'::text, 'admin'::text, 'ingest'::text])))
);

CREATE UNIQUE INDEX api_tokens_name ON public.api_tokens USING btree (name) WHERE (revoked_at IS NULL);

create table approval_policies (
  version integer not null,
  tags text[] not null,
  at timestamp with time zone default clock_timestamp() not null,
  actor text not null,
  reason text not null,
  details jsonb default '{}'::jsonb not null,
  constraint approval_policies_pkey PRIMARY KEY (version)
);

create table approval_requests (
  seq bigint generated always as identity not null,
  approval_id text not null,
  change_id uuid default gen_random_uuid() not null,
  subject jsonb not null,
  base jsonb not null,
  diff jsonb not null,
  hash text not null,
  tags text[] not null,
  feature_tags jsonb not null,
  feature_ids text[] not null,
  reason text not null,
  asked_by text not null,
  asked_at timestamp with time zone default clock_timestamp() not null,
  expires_at timestamp with time zone not null,
  state text default 'open'::text not null,
  decided_by text,
  decided_at timestamp with time zone,
  decision_reason text,
  outcome jsonb,
  constraint approval_requests_pkey PRIMARY KEY (seq),
  constraint approval_requests_approval_id_key UNIQUE (approval_id),
  constraint approval_requests_change_id_key UNIQUE (change_id),
  constraint approval_requests_state_check CHECK ((state = ANY (ARRAY['open'::text, 'approved'::text, 'applied'::text, 'rejected'::text, 'withdrawn'::text, 'stale'::text, 'failed'::text])))
);

CREATE INDEX approval_requests_approved ON public.approval_requests USING btree (decided_at) WHERE (state = 'approved'::text);

CREATE UNIQUE INDEX approval_requests_open ON public.approval_requests USING btree (hash, asked_by) WHERE (state = 'open'::text);

create table arrivals (
  feature_id text not null,
  epoch integer not null,
  hour_s bigint not null,
  units bigint not null,
  seen_again bigint not null,
  largest_network bigint not null,
  constraint arrivals_pkey PRIMARY KEY (feature_id, epoch, hour_s)
) with (fillfactor=50);

create table arrivals_by_partition (
  feature_id text not null,
  epoch integer not null,
  hour_s bigint not null,
  partition smallint not null,
  units bigint not null,
  seen_again bigint not null,
  largest_network bigint not null,
  constraint arrivals_by_partition_pkey PRIMARY KEY (feature_id, epoch, hour_s, partition)
) with (fillfactor=50);

create table arrived_runs (
  partition smallint not null,
  from_database text not null,
  from_run integer not null,
  run integer not null,
  constraint arrived_runs_pkey PRIMARY KEY (partition, from_database, from_run)
);

create table bot_requests (
  feature_id text not null,
  epoch integer not null,
  requests bigint not null,
  constraint bot_requests_pkey PRIMARY KEY (feature_id, epoch)
) with (fillfactor=50);

create table config_applies (
  plan_hash text not null,
  source text not null,
  actor text not null,
  revision bigint,
  at timestamp with time zone not null,
  features jsonb not null,
  constraint config_applies_pkey PRIMARY KEY (plan_hash)
);

create table edge_closes (
  url text not null,
  feature_id text not null,
  epoch integer not null,
  closed_at timestamp with time zone default clock_timestamp() not null,
  constraint edge_closes_pkey PRIMARY KEY (url, feature_id)
);

create table edge_receipts (
  edge_url text not null,
  region text not null,
  revision bigint not null,
  ms double precision not null,
  confirmed_at timestamp with time zone default clock_timestamp() not null,
  constraint edge_receipts_pkey PRIMARY KEY (revision, edge_url, region)
);

create table edge_targets (
  url text not null,
  revision bigint,
  regions jsonb default '[]'::jsonb not null,
  confirmed_at timestamp with time zone,
  failing_since timestamp with time zone,
  attempts integer default 0 not null,
  last_error text,
  signs_answers boolean default false not null,
  lineage text,
  head text,
  constraint edge_targets_pkey PRIMARY KEY (url)
);

create table edge_witnesses (
  url text not null,
  lineage text not null,
  revision bigint not null,
  head text not null,
  seen_at timestamp with time zone default clock_timestamp() not null,
  constraint edge_witnesses_pkey PRIMARY KEY (url, lineage, revision, head)
);

create table epoch_pseudonyms (
  feature_id text not null,
  epoch integer not null,
  kid text,
  constraint epoch_pseudonyms_pkey PRIMARY KEY (feature_id, epoch)
);

create table feature_flags (
  feature_id text not null,
  enabled boolean not null,
  rollout_bps integer not null,
  holdout_bps integer not null,
  epoch integer default 1 not null,
  epoch_started_at timestamp with time zone default now() not null,
  version integer default 1 not null,
  revision bigint not null,
  failure_mode text default 'static'::text not null,
  targeting jsonb,
  routes jsonb default '[]'::jsonb not null,
  gate jsonb,
  activation jsonb,
  tags text[] default '{}'::text[] not null,
  requires text[] default '{}'::text[] not null,
  rollout_before_bps integer,
  rollback_reason text,
  rolled_back_at timestamp with time zone,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  unit text default 'visitor'::text not null,
  private boolean default false not null,
  operator_fields jsonb default '{}'::jsonb not null,
  written_targeting jsonb,
  segments text[] default '{}'::text[] not null,
  constraint feature_flags_pkey PRIMARY KEY (feature_id),
  constraint feature_flags_check CHECK (((rollout_bps + holdout_bps) <= 10000)),
  constraint feature_flags_failure_mode_check CHECK ((failure_mode = ANY (ARRAY['static'::text, 'closed'::text]))),
  constraint feature_flags_holdout_bps_check CHECK (((holdout_bps >= 0) AND (holdout_bps <= 10000))),
  constraint feature_flags_rollout_bps_check CHECK (((rollout_bps >= 0) AND (rollout_bps <= 10000))),
  constraint feature_flags_unit_check CHECK ((unit = ANY (ARRAY['visitor'::text, 'user'::text])))
);

CREATE INDEX feature_flags_requires ON public.feature_flags USING gin (requires);
CREATE INDEX feature_flags_revision ON public.feature_flags USING btree (revision);
CREATE INDEX feature_flags_tags ON public.feature_flags USING gin (tags);

create table feature_tombstones (
  feature_id text not null,
  revision bigint not null,
  version integer default 0 not null,
  epoch integer default 0 not null,
  deleted_at timestamp with time zone default now() not null,
  constraint feature_tombstones_pkey PRIMARY KEY (feature_id)
);

CREATE INDEX feature_tombstones_revision ON public.feature_tombstones USING btree (revision);

create table fold_checkpoints (
  partition smallint not null,
  writer integer not null,
  seq bigint not null,
  constraint fold_checkpoints_pkey PRIMARY KEY (partition, writer)
) with (fillfactor=50);

create table fold_partitions (
  partition smallint not null,
  fence bigint default 0 not null,
  constraint fold_partitions_pkey PRIMARY KEY (partition)
);

create table fold_quarantine (
  feature_id text not null,
  epoch integer not null,
  partition smallint not null,
  since timestamp with time zone default now() not null,
  error text not null,
  constraint fold_quarantine_pkey PRIMARY KEY (feature_id, epoch, partition)
);

create table fold_set_aside (
  id bigint generated always as identity not null,
  feature_id text not null,
  epoch integer not null,
  partition smallint not null,
  at timestamp with time zone not null,
  records integer not null,
  span_keys bytea storage external not null,
  block bytea storage external not null,
  constraint fold_set_aside_pkey PRIMARY KEY (id)
);

CREATE INDEX fold_set_aside_feature ON public.fold_set_aside USING btree (feature_id, epoch, partition, id);

create table fold_windows (
  feature_id text not null,
  epoch integer not null,
  activation_ages_s integer[] not null,
  retention_ages_s integer[] not null,
  return_after_s integer not null,
  bucket_s integer not null,
  constraint fold_windows_pkey PRIMARY KEY (feature_id, epoch)
);

create table fold_windows_version (
  only_row boolean default true not null,
  version bigint default 0 not null,
  constraint fold_windows_version_pkey PRIMARY KEY (only_row),
  constraint fold_windows_version_only_row_check CHECK (only_row)
);

create table hook_alerts (
  hook text not null,
  alert_key text not null,
  first_seen_at timestamp with time zone default now() not null,
  last_seen_at timestamp with time zone default now() not null,
  acted_at timestamp with time zone,
  constraint hook_alerts_pkey PRIMARY KEY (hook, alert_key)
);

CREATE INDEX hook_alerts_last_seen ON public.hook_alerts USING btree (last_seen_at);

create table hook_deliveries (
  id bigint generated always as identity not null,
  hook text not null,
  at timestamp with time zone default now() not null,
  mode text not null,
  alerts jsonb not null,
  constraint hook_deliveries_pkey PRIMARY KEY (id)
);

CREATE INDEX hook_deliveries_hook ON public.hook_deliveries USING btree (hook, id DESC);

create table idempotency_keys (
  actor text not null,
  key text not null,
  request bytea not null,
  begun_at timestamp with time zone default now() not null,
  answer jsonb,
  constraint idempotency_keys_pkey PRIMARY KEY (actor, key)
);

CREATE INDEX idempotency_keys_begun ON public.idempotency_keys USING btree (begun_at);

create table ingest_presence (
  seen_at timestamp with time zone,
  away_from timestamp with time zone,
  away_until timestamp with time zone
) with (fillfactor=50);

create table latency_sketches (
  feature_id text not null,
  epoch integer not null,
  cohort text not null,
  bucket_s bigint not null,
  partition smallint not null,
  requests integer not null,
  errors integer not null,
  sketch bytea not null,
  kind text default 'fetch'::text not null,
  unfinished integer default 0 not null,
  unfinished_sketch bytea,
  constraint latency_sketches_pkey PRIMARY KEY (feature_id, epoch, bucket_s, cohort, partition),
  constraint latency_sketches_cohort_check CHECK ((cohort = ANY (ARRAY['treatment'::text, 'holdout'::text]))),
  constraint latency_sketches_kind_check CHECK ((kind = ANY (ARRAY['document'::text, 'fetch'::text])))
) with (fillfactor=80);

create table lineages (
  id text not null,
  begun_at timestamp with time zone default clock_timestamp() not null,
  revision bigint not null,
  head bytea not null,
  place text not null,
  constraint lineages_pkey PRIMARY KEY (id)
);

create table managed_features (
  feature_id text not null,
  source text not null,
  file text not null,
  applied jsonb not null,
  applied_at timestamp with time zone not null,
  constraint managed_features_pkey PRIMARY KEY (feature_id)
);

CREATE INDEX managed_features_source ON public.managed_features USING btree (source);

create table managed_segments (
  segment_id text not null,
  source text not null,
  file text not null,
  applied jsonb not null,
  applied_at timestamp with time zone not null,
  constraint managed_segments_pkey PRIMARY KEY (segment_id)
);

CREATE INDEX managed_segments_source ON public.managed_segments USING btree (source);

create table moved_partitions (
  partition smallint not null,
  to_database text not null,
  fence bigint not null,
  at timestamp with time zone default clock_timestamp() not null,
  constraint moved_partitions_pkey PRIMARY KEY (partition)
);

create table notification_targets (
  name text not null,
  version integer default 1 not null,
  type text not null,
  config jsonb not null,
  events text[],
  features text[],
  tags text[],
  enabled boolean default true not null,
  from_environment boolean default false not null,
  seen_at timestamp with time zone,
  created_at timestamp with time zone default now() not null,
  created_by text not null,
  updated_at timestamp with time zone default now() not null,
  updated_by text not null,
  told_to bigint not null,
  telling_to bigint,
  lease uuid,
  leased_until timestamp with time zone,
  attempts integer default 0 not null,
  next_attempt_at timestamp with time zone default now() not null,
  failing_since timestamp with time zone,
  last_error text,
  last_success_at timestamp with time zone,
  dropped bigint default 0 not null,
  minute_began timestamp with time zone,
  minute_messages integer default 0 not null,
  replayed_at timestamp with time zone,
  constraint notification_targets_pkey PRIMARY KEY (name),
  constraint notification_targets_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 64))),
  constraint notification_targets_type_check CHECK ((type = ANY (ARRAY['slack'::text, 'webhook'::text, 'email'::text, 'encrypted-slack'::text, 'encrypted-webhook'::text])))
) with (fillfactor=50);

create table operator_events (
  id bigint generated always as identity not null,
  at timestamp with time zone default clock_timestamp() not null,
  kind text not null,
  document jsonb not null,
  constraint operator_events_pkey PRIMARY KEY (id)
);

create table otel_spans (
  "timestamp" timestamp with time zone not null,
  trace_id bytea not null,
  span_id bytea not null,
  feature_id text not null,
  epoch integer not null,
  user_id text not null,
  cohort text,
  name text not null,
  duration_ms double precision,
  failed boolean not null,
  http_status smallint,
  action_taken boolean not null,
  constraint otel_spans_pkey PRIMARY KEY ("timestamp", trace_id, span_id)
) partition by RANGE ("timestamp");

CREATE INDEX otel_spans_feature ON public.otel_spans USING btree (feature_id, "timestamp");

create table outbox (
  id bigint generated always as identity not null,
  topic text not null,
  change_id uuid,
  revision bigint not null,
  payload jsonb not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  attempts integer default 0 not null,
  next_attempt_at timestamp with time zone default clock_timestamp() not null,
  last_error text,
  done_at timestamp with time zone,
  constraint outbox_pkey PRIMARY KEY (id),
  constraint outbox_change_id_key UNIQUE (change_id)
);

CREATE INDEX outbox_due ON public.outbox USING btree (topic, revision, id) WHERE (done_at IS NULL);
CREATE INDEX outbox_revision ON public.outbox USING btree (revision);

create table outcome_counts (
  feature_id text not null,
  epoch integer not null,
  cohort text not null,
  signal text not null,
  age_s integer not null,
  bucket_s bigint not null,
  units integer not null,
  constraint outcome_counts_pkey PRIMARY KEY (feature_id, epoch, bucket_s, cohort, signal, age_s),
  constraint outcome_counts_cohort_check CHECK ((cohort = ANY (ARRAY['treatment'::text, 'holdout'::text]))),
  constraint outcome_counts_signal_check CHECK ((signal = ANY (ARRAY['exposure'::text, 'activation'::text, 'retention'::text])))
) with (fillfactor=80);

create table outcome_counts_by_partition (
  feature_id text not null,
  epoch integer not null,
  cohort text not null,
  signal text not null,
  age_s integer not null,
  bucket_s bigint not null,
  partition smallint not null,
  units integer not null,
  constraint outcome_counts_by_partition_pkey PRIMARY KEY (feature_id, epoch, bucket_s, cohort, signal, age_s, partition),
  constraint outcome_counts_by_partition_cohort_check CHECK ((cohort = ANY (ARRAY['treatment'::text, 'holdout'::text]))),
  constraint outcome_counts_by_partition_signal_check CHECK ((signal = ANY (ARRAY['exposure'::text, 'activation'::text, 'retention'::text])))
) with (fillfactor=80);

create table partition_places (
  partition smallint not null,
  database text default 'main'::text not null,
  moves bigint default 0 not null,
  since timestamp with time zone default clock_timestamp() not null,
  constraint partition_places_pkey PRIMARY KEY (partition)
);

create table pmf_evaluations (
  id bigint generated always as identity not null,
  feature_id text not null,
  epoch integer not null,
  rule_version integer not null,
  at timestamp with time zone not null,
  mode text not null,
  action text not null,
  state text not null,
  mature bigint not null,
  decision jsonb not null,
  constraint pmf_evaluations_pkey PRIMARY KEY (id),
  constraint pmf_evaluations_action_check CHECK ((action = ANY (ARRAY['KEEP'::text, 'ROLLBACK'::text, 'WAIT'::text])))
);

CREATE INDEX pmf_evaluations_feature ON public.pmf_evaluations USING btree (feature_id, id DESC);

create table pmf_looks (
  feature_id text not null,
  looked_at timestamp with time zone not null,
  constraint pmf_looks_pkey PRIMARY KEY (feature_id)
) with (fillfactor=50);

create table pmf_ramps (
  feature_id text not null,
  rollout_bps integer not null,
  since timestamp with time zone not null,
  paused boolean default false not null,
  constraint pmf_ramps_pkey PRIMARY KEY (feature_id)
);

create table pmf_rules (
  feature_id text not null,
  version integer default 1 not null,
  rule jsonb not null,
  updated_at timestamp with time zone default now() not null,
  constraint pmf_rules_pkey PRIMARY KEY (feature_id)
);

create table pmf_standings (
  feature_id text not null,
  epoch integer not null,
  evaluation_id bigint not null,
  state text not null,
  exposed bigint not null,
  nearness double precision not null,
  scores double precision[] default '{}'::double precision[] not null,
  constraint pmf_standings_pkey PRIMARY KEY (feature_id)
) with (fillfactor=50);

create table pmf_trials (
  feature_id text not null,
  epoch integer not null,
  terms text not null,
  seq integer not null,
  decided text,
  cause text[] default '{}'::text[] not null,
  evidence jsonb not null,
  alpha_spent double precision default 0 not null,
  started_at timestamp with time zone default now() not null,
  treatment_sketch bytea not null,
  holdout_sketch bytea not null,
  updated_at timestamp with time zone default now() not null,
  constraint pmf_trials_pkey PRIMARY KEY (feature_id, epoch),
  constraint pmf_trials_decided_check CHECK ((decided = ANY (ARRAY['KEEP'::text, 'ROLLBACK'::text])))
) with (fillfactor=50);

create table pseudonym_keys (
  kid text not null,
  fingerprint text not null,
  secret text,
  made_at timestamp with time zone default clock_timestamp() not null,
  constraint pseudonym_keys_pkey PRIMARY KEY (kid)
);

create table pseudonyms_begin (
  only_row boolean default true not null,
  at timestamp with time zone not null,
  constraint pseudonyms_begin_pkey PRIMARY KEY (only_row),
  constraint pseudonyms_begin_only_row_check CHECK (only_row)
);

create table raw_span_spool (
  id bigint generated always as identity not null,
  spans integer not null,
  lines bytea storage external not null,
  written_at timestamp with time zone default clock_timestamp() not null,
  batch uuid,
  due_at timestamp with time zone default clock_timestamp() not null,
  attempts integer default 0 not null,
  last_error text,
  dead_at timestamp with time zone,
  constraint raw_span_spool_pkey PRIMARY KEY (id),
  constraint raw_span_spool_spans_check CHECK ((spans > 0))
);

CREATE INDEX raw_span_spool_batch ON public.raw_span_spool USING btree (batch) WHERE (batch IS NOT NULL);
CREATE INDEX raw_span_spool_waiting ON public.raw_span_spool USING btree (due_at, id) WHERE (dead_at IS NULL);

create table rollback_audit (
  seq bigint not null,
  at timestamp with time zone not null,
  actor text not null,
  action text not null,
  feature_id text not null,
  reason text not null,
  version integer not null,
  epoch integer not null,
  revision bigint not null,
  details jsonb default '{}'::jsonb not null,
  prev_hash bytea not null,
  hash bytea not null,
  constraint rollback_audit_pkey PRIMARY KEY (seq)
);

CREATE INDEX rollback_audit_feature ON public.rollback_audit USING btree (feature_id, seq);
CREATE INDEX rollback_audit_revision ON public.rollback_audit USING btree (revision);

create table schedules (
  seq bigint generated always as identity not null,
  schedule_id text not null,
  change_id uuid default gen_random_uuid() not null,
  version integer default 1 not null,
  feature_id text not null,
  change jsonb not null,
  base_version integer not null,
  at timestamp with time zone not null,
  local_time text not null,
  zone text not null,
  grace_seconds integer not null,
  reason text not null,
  made_by text not null,
  made_at timestamp with time zone default clock_timestamp() not null,
  permission jsonb,
  state text default 'planned'::text not null,
  leased_until timestamp with time zone,
  attempts integer default 0 not null,
  last_error text,
  finished_at timestamp with time zone,
  finished_by text,
  note text,
  outcome jsonb,
  constraint schedules_pkey PRIMARY KEY (seq),
  constraint schedules_change_id_key UNIQUE (change_id),
  constraint schedules_schedule_id_key UNIQUE (schedule_id),
  constraint schedules_grace_seconds_check CHECK (((grace_seconds >= 0) AND (grace_seconds <= 2592000))),
  constraint schedules_state_check CHECK ((state = ANY (ARRAY['planned'::text, 'done'::text, 'skipped'::text, 'failed'::text, 'cancelled'::text])))
);

CREATE INDEX schedules_due ON public.schedules USING btree (at, seq) WHERE (state = 'planned'::text);
CREATE INDEX schedules_feature ON public.schedules USING btree (feature_id, at);

create table schema_migrations (
  id integer default nextval('schema_migrations_id_seq'::regclass) not null,
  name character varying(255) not null,
  run_on timestamp without time zone not null,
  constraint schema_migrations_pkey PRIMARY KEY (id)
);

create table segment_tombstones (
  segment_id text not null,
  version integer not null,
  constraint segment_tombstones_pkey PRIMARY KEY (segment_id)
);

create table segments (
  segment_id text not null,
  condition jsonb not null,
  description text,
  uses text[] default '{}'::text[] not null,
  version integer not null,
  revision bigint not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  constraint segments_pkey PRIMARY KEY (segment_id)
);

create table sessions (
  session_id text not null,
  digest bytea not null,
  actor text not null,
  scope text not null,
  tags text[],
  method text not null,
  token_id text,
  issuer text,
  subject text,
  provider_session text,
  id_token text,
  user_agent text,
  created_at timestamp with time zone default now() not null,
  last_seen_at timestamp with time zone default now() not null,
  expires_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  ended_by text,
  constraint sessions_pkey PRIMARY KEY (session_id),
  constraint sessions_digest_key UNIQUE (digest),
  constraint sessions_method_check CHECK ((method = ANY (ARRAY['token'::text, 'link'::text, 'oidc'::text]))),
  constraint sessions_scope_check CHECK ((scope = ANY (ARRAY['viewer'::text, 'editor'::text, 'admin'::text])))
);

CREATE INDEX sessions_subject ON public.sessions USING btree (issuer, subject) WHERE (ended_at IS NULL);

create table sign_in_codes (
  digest bytea not null,
  purpose text not null,
  actor text not null,
  scope text not null,
  tags text[],
  token_id text,
  issuer text,
  subject text,
  challenge bytea,
  machine text,
  created_at timestamp with time zone default now() not null,
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone,
  constraint sign_in_codes_pkey PRIMARY KEY (digest),
  constraint sign_in_codes_purpose_check CHECK ((purpose = ANY (ARRAY['link'::text, 'cli'::text]))),
  constraint sign_in_codes_scope_check CHECK ((scope = ANY (ARRAY['viewer'::text, 'editor'::text, 'admin'::text])))
);

create table span_log (
  at timestamp with time zone default clock_timestamp() not null,
  writer integer not null,
  partition smallint not null,
  seq bigint not null,
  records integer not null,
  span_keys bytea storage external not null,
  block bytea storage external not null,
  constraint span_log_pkey PRIMARY KEY (writer, partition, seq, at)
) partition by RANGE (at);

create table span_log_streams (
  partition smallint not null,
  stream text not null,
  losses integer default 0 not null,
  begins_after bigint default 0 not null,
  writer integer default nextval('telemetry_writer'::regclass) not null,
  seen_at timestamp with time zone default clock_timestamp() not null,
  last_seq bigint,
  looked_at timestamp with time zone,
  constraint span_log_streams_pkey PRIMARY KEY (partition, stream, losses),
  constraint span_log_streams_writer_key UNIQUE (writer)
);

create table state_head (
  only_row boolean default true not null,
  revision bigint default 0 not null,
  audit_seq bigint default 0 not null,
  audit_hash bytea default '\x'::bytea not null,
  base bigint default 0 not null,
  features_bytes bigint default 0 not null,
  lineage text default ''::text not null,
  place text default ''::text not null,
  constraint state_head_pkey PRIMARY KEY (only_row),
  constraint state_head_only_row_check CHECK (only_row)
);

create table telemetry_regions (
  region text not null,
  seen_at timestamp with time zone not null,
  usual_gap_s double precision default 30 not null,
  away_from timestamp with time zone,
  away_until timestamp with time zone,
  dropped_spans bigint default 0 not null,
  constraint telemetry_regions_pkey PRIMARY KEY (region)
) with (fillfactor=50);

create table uncounted_by_partition (
  feature_id text not null,
  epoch integer not null,
  reason text not null,
  partition smallint not null,
  spans bigint not null,
  constraint uncounted_by_partition_pkey PRIMARY KEY (feature_id, epoch, reason, partition)
) with (fillfactor=50);

create table uncounted_signals (
  feature_id text not null,
  epoch integer not null,
  reason text not null,
  spans bigint not null,
  constraint uncounted_signals_pkey PRIMARY KEY (feature_id, epoch, reason)
) with (fillfactor=50);

create table unit_evidence (
  run integer not null,
  unit_key bigint not null,
  feature_id text not null,
  epoch integer not null,
  unit_id text not null,
  cohort smallint not null,
  first_exposed_at timestamp with time zone not null,
  first_action_at timestamp with time zone,
  returned_at timestamp with time zone
) partition by LIST (run);

create table unit_runs (
  run integer generated always as identity not null,
  partition smallint not null,
  filter bytea storage external,
  constraint unit_runs_pkey PRIMARY KEY (run)
);

create table waiting_units (
  unit_key bigint not null,
  partition smallint not null,
  feature_id text not null,
  epoch integer not null,
  arrived_at timestamp with time zone not null,
  spans jsonb not null,
  constraint waiting_units_pkey PRIMARY KEY (unit_key)
) with (fillfactor=70);

CREATE INDEX waiting_units_partition ON public.waiting_units USING btree (partition, arrived_at);

alter sequence schema_migrations_id_seq owned by schema_migrations.id;

alter table edge_closes add constraint edge_closes_url_fkey FOREIGN KEY (url) REFERENCES edge_targets(url) ON DELETE CASCADE;
alter table epoch_pseudonyms add constraint epoch_pseudonyms_kid_fkey FOREIGN KEY (kid) REFERENCES pseudonym_keys(kid);
alter table hook_alerts add constraint hook_alerts_hook_fkey FOREIGN KEY (hook) REFERENCES alert_hooks(name) ON DELETE CASCADE;
alter table hook_deliveries add constraint hook_deliveries_hook_fkey FOREIGN KEY (hook) REFERENCES alert_hooks(name) ON DELETE CASCADE;
alter table managed_features add constraint managed_features_feature_id_fkey FOREIGN KEY (feature_id) REFERENCES feature_flags(feature_id) ON DELETE CASCADE;
alter table managed_segments add constraint managed_segments_segment_id_fkey FOREIGN KEY (segment_id) REFERENCES segments(segment_id) ON DELETE CASCADE;
alter table pmf_looks add constraint pmf_looks_feature_id_fkey FOREIGN KEY (feature_id) REFERENCES feature_flags(feature_id) ON DELETE CASCADE;
alter table pmf_ramps add constraint pmf_ramps_feature_id_fkey FOREIGN KEY (feature_id) REFERENCES feature_flags(feature_id) ON DELETE CASCADE;
alter table pmf_rules add constraint pmf_rules_feature_id_fkey FOREIGN KEY (feature_id) REFERENCES feature_flags(feature_id) ON DELETE CASCADE;
alter table sessions add constraint sessions_token_id_fkey FOREIGN KEY (token_id) REFERENCES api_tokens(token_id);
alter table sign_in_codes add constraint sign_in_codes_token_id_fkey FOREIGN KEY (token_id) REFERENCES api_tokens(token_id);

create view dead_letters as
 SELECT 'message'::text AS kind,
    outbox.topic AS target,
    outbox.revision,
    outbox.created_at AS failing_since,
    outbox.attempts,
    outbox.last_error
   FROM outbox
  WHERE outbox.done_at IS NULL AND outbox.attempts > 1 AND outbox.created_at < (clock_timestamp() - '00:01:00'::interval)
UNION ALL
 SELECT 'edge'::text AS kind,
    edge_targets.url AS target,
    edge_targets.revision,
    edge_targets.failing_since,
    edge_targets.attempts,
    edge_targets.last_error
   FROM edge_targets
  WHERE edge_targets.failing_since < (clock_timestamp() - '00:01:00'::interval);

create view edge_progress as
 SELECT url,
    revision,
    regions,
    confirmed_at,
    failing_since,
    attempts,
    last_error,
    LEAST(COALESCE(revision, 0::bigint), ( SELECT min((region.value ->> 'revision'::text)::bigint) AS min
           FROM jsonb_array_elements(t.regions) region(value))) AS complete_revision
   FROM edge_targets t;

create view feature_units as
 SELECT feature_id,
    epoch,
    unit_id,
    max(cohort) AS cohort,
    min(first_exposed_at) AS first_exposed_at,
    min(first_action_at) AS first_action_at,
    min(returned_at) AS returned_at
   FROM unit_evidence
  GROUP BY feature_id, epoch, unit_id
 HAVING max(cohort) < 3;

create view feature_exposures as
 SELECT feature_id,
    epoch,
    unit_id AS user_id,
        CASE cohort
            WHEN 2 THEN 'holdout'::text
            ELSE 'treatment'::text
        END AS cohort,
    first_exposed_at AS exposed_at
   FROM feature_units;

create view user_actions as
 SELECT feature_id,
    epoch,
    unit_id AS user_id,
    true AS action_taken,
    first_action_at AS acted_at
   FROM feature_units
  WHERE first_action_at IS NOT NULL;

create view user_retention as
 SELECT feature_id,
    epoch,
    unit_id AS user_id,
    returned_at IS NOT NULL AS returned,
    returned_at,
    COALESCE(returned_at <= (first_exposed_at + '7 days'::interval), false) AS returned_within_7d
   FROM feature_units;

CREATE OR REPLACE FUNCTION public.announce_approval()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  insert into operator_events (kind, document) values ('approval', jsonb_build_object(
    'approvalId', new.approval_id, 'state', new.state, 'featureIds', new.feature_ids, 'reason', new.reason,
    'askedBy', new.asked_by, 'decidedBy', new.decided_by, 'decisionReason', new.decision_reason));
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.announce_policy()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  insert into operator_events (kind, document) values ('policy', jsonb_build_object(
    'version', new.version, 'tags', new.tags, 'actor', new.actor, 'reason', new.reason, 'details', new.details));
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.announce_schedule()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  insert into operator_events (kind, document) values ('schedule', jsonb_build_object(
    'scheduleId', new.schedule_id, 'state', new.state, 'featureId', new.feature_id, 'change', new.change ->> 'kind',
    'dueAt', new.at, 'madeBy', new.made_by, 'reason', new.reason, 'note', new.note));
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.announce_states()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  head public.state_head;
  change jsonb;
  announced jsonb;
  closes jsonb := '[]';
  next_close jsonb;
begin
  select * into head from public.state_head;
  change := jsonb_build_object(
    'revision', new.revision, 'since', new.revision - 1, 'full', false,
    'lineage', head.lineage, 'head', encode(head.audit_hash, 'hex'),
    'sinceHead', (
      select encode(prev_hash, 'hex') from public.rollback_audit
      where seq = head.audit_seq + 1
        - coalesce((new.payload #>> '{result,auditRows}')::integer, jsonb_array_length(new.payload #> '{result,features}'))),
    'features', coalesce((
      select jsonb_agg(public.full_feature_state(f)) from public.feature_flags f where f.revision = new.revision), '[]'),
    'removed', coalesce((
      select jsonb_agg(feature_id) from public.feature_tombstones where revision = new.revision), '[]'));
  if octet_length(change::text) < 8000 then
    perform pg_notify('sluice_states', change::text);
    return null;
  end if;
  change := change || jsonb_build_object('since', new.revision, 'features', '[]'::jsonb, 'removed', '[]'::jsonb) - 'sinceHead';
  for next_close in
    select jsonb_build_object('featureId', feature_id, 'epoch', epoch, 'version', version)
    from (
      select feature_id, epoch, version from public.feature_flags where revision = new.revision and not enabled
      union all
      select feature_id, epoch, version from public.feature_tombstones where revision = new.revision
    ) closed
  loop
    closes := closes || next_close;
    announced := change || jsonb_build_object('closes', closes);
    -- One close has less than 200 bytes.
    if octet_length(announced::text) >= 7800 then
      perform pg_notify('sluice_states', announced::text);
      closes := '[]';
    end if;
  end loop;
  if closes <> '[]' then
    perform pg_notify('sluice_states', (change || jsonb_build_object('closes', closes))::text);
  end if;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.audit_hook()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  fact jsonb;
begin
  if tg_op = 'DELETE' then
    perform public.audit_operator_change(public.deleting_actor(), 'hook', 'hook:' || old.name, 'the hook was deleted', old.version + 1, '{}');
    return null;
  end if;
  fact := to_jsonb(new) - array['name', 'secret', 'old_secret', 'version', 'created_at', 'created_by', 'updated_at',
    'updated_by', 'refused_at', 'refusal'];
  perform public.audit_operator_change(new.updated_by, 'hook', 'hook:' || new.name,
    case
      when tg_op = 'INSERT' then 'the hook was made'
      when old.secret is distinct from new.secret then 'the secret of the hook was replaced'
      else 'the hook was changed'
    end, new.version, fact);
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.audit_operator_change(actor text, kind text, subject text, reason text, version integer, details jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  head public.state_head;
  now_at timestamptz;
  new_hash bytea;
begin
  select * into head from public.state_head for update;
  now_at := clock_timestamp();
  head.revision := head.revision + 1;
  head.audit_seq := head.audit_seq + 1;
  new_hash := sha256(head.audit_hash || convert_to(
    public.audit_text(head.audit_seq, now_at, actor, kind, subject, reason, version, 1, head.revision, details), 'UTF8'));
  insert into public.rollback_audit
    (seq, at, actor, action, feature_id, reason, version, epoch, revision, details, prev_hash, hash)
  values
    (head.audit_seq, now_at, actor, kind, subject, reason, version, 1, head.revision, details, head.audit_hash, new_hash);
  update public.state_head
  set revision = head.revision, audit_seq = head.audit_seq, audit_hash = new_hash;
  insert into public.outbox (topic, change_id, revision, payload)
  values ('state', gen_random_uuid(), head.revision, jsonb_build_object('result', jsonb_build_object(
    'outcome', 'committed', 'revision', head.revision, 'at', now_at, 'features', jsonb_build_array(), 'auditRows', 1)));
  perform pg_notify('sluice_outbox', head.revision::text);
end
$function$;

CREATE OR REPLACE FUNCTION public.audit_policy()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform public.audit_operator_change(new.actor, 'policy', 'policy:approval', new.reason, new.version,
    new.details || jsonb_build_object('tags', to_jsonb(new.tags)));
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.audit_target()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  fact jsonb;
begin
  if tg_op = 'DELETE' then
    perform public.audit_operator_change(public.deleting_actor(), 'target', 'target:' || old.name,
      'the notification target was deleted', old.version + 1, '{}');
    return null;
  end if;
  fact := jsonb_build_object(
    'type', new.config ->> 'type', 'events', to_jsonb(new.events), 'features', to_jsonb(new.features),
    'tags', to_jsonb(new.tags), 'enabled', new.enabled,
    'host', substring(new.config ->> 'url' from '^[a-z]+://(?:[^/@?#]*@)?([^/?#]+)'), 'to', new.config -> 'to');
  perform public.audit_operator_change(new.updated_by, 'target', 'target:' || new.name,
    case when tg_op = 'INSERT' then 'the notification target was made' else 'the notification target was changed' end,
    new.version, fact);
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.audit_text(seq bigint, at timestamp with time zone, actor text, action text, feature_id text, reason text, version integer, epoch integer, revision bigint, details jsonb)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  select jsonb_build_array(
    seq, to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), actor, action, feature_id, reason,
    version, epoch, revision, details
  )::text
$function$;

CREATE OR REPLACE FUNCTION public.audit_token()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if tg_op = 'INSERT' then
    perform public.audit_operator_change(new.created_by, 'token', 'token:' || new.token_id, 'the token was made', 1,
      jsonb_build_object('name', new.name, 'scope', new.scope, 'tags', to_jsonb(new.tags), 'expiresAt', new.expires_at));
  else
    perform public.audit_operator_change(coalesce(new.revoked_by, 'unknown'), 'token', 'token:' || new.token_id,
      'the token was revoked', 2, jsonb_build_object('name', new.name, 'scope', new.scope));
  end if;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.begin_lineage()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  here text := public.history_place();
begin
  if current_setting('synchronous_commit') in ('off', 'local', 'remote_write') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  if new.place is distinct from here or new.lineage = '' then
    new.place := here;
    new.lineage := left(replace(gen_random_uuid()::text, '-', ''), 16);
    insert into public.lineages (id, revision, head, place) values (new.lineage, old.revision, old.audit_hash, here);
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION public.commit_change(change jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  head public.state_head;
  item jsonb;
  next jsonb;
  have integer;
  now_at timestamptz;
  result jsonb;
  committed jsonb[] := '{}';
  old_epoch integer;
  new_version integer;
  new_epoch integer;
  new_rule_version integer;
  new_hash bytea;
  orphan text;
  first_seq bigint;
  given_segments jsonb := coalesce(change -> 'segments', '[]');
  given_ids text[];
begin
  select * into head from public.state_head for update;

  select payload -> 'result' into result from public.outbox where change_id = (change ->> 'changeId')::uuid;
  if found then
    return result;
  end if;

  for item in select jsonb_array_elements(change -> 'features') loop
    select version into have from public.feature_flags where feature_id = item ->> 'featureId';
    if have is distinct from (item ->> 'expectedVersion')::integer then
      return jsonb_build_object('outcome', 'conflict', 'featureId', item -> 'featureId', 'have', have);
    end if;
  end loop;

  -- Each segment is as the change was prepared from it. No `expectedVersion`: it must not exist.
  for item in
    select jsonb_array_elements(given_segments)
    union all
    select jsonb_array_elements(coalesce(part -> 'uses', '[]'))
    from jsonb_array_elements((change -> 'features') || given_segments) part
  loop
    select version into have from public.segments where segment_id = item ->> 'segmentId';
    if have is distinct from (item ->> 'expectedVersion')::integer then
      return jsonb_build_object('outcome', 'segmentConflict', 'segmentId', item -> 'segmentId');
    end if;
  end loop;

  -- And nothing has begun to use a segment whose condition changes or goes: each user of it is part of the change.
  given_ids := array(
    select part ->> 'segmentId' from jsonb_array_elements(given_segments) part where (part ->> 'moves')::boolean);
  if given_ids <> '{}' then
    select needed.segment_id into orphan
    from public.feature_flags f, unnest(f.segments) as needed (segment_id)
    where f.segments && given_ids and needed.segment_id = any (given_ids)
      and f.feature_id not in (select part ->> 'featureId' from jsonb_array_elements(change -> 'features') part)
    limit 1;
    if not found then
      select part ->> 'segmentId' into orphan
      from jsonb_array_elements(given_segments) part
      join public.segments s on s.uses @> array[part ->> 'segmentId'] and s.segment_id <> all (given_ids)
      where nullif(part -> 'next', 'null') is null and s.uses && given_ids
      limit 1;
    end if;
    if found then
      return jsonb_build_object('outcome', 'segmentConflict', 'segmentId', orphan);
    end if;
  end if;

  head.revision := head.revision + 1;
  now_at := clock_timestamp();
  first_seq := head.audit_seq;

  for item in select jsonb_array_elements(given_segments) loop
    next := nullif(item -> 'next', 'null');
    new_version := coalesce((item ->> 'expectedVersion')::integer, 0) + 1;
    if next is null then
      delete from public.segments where segment_id = item ->> 'segmentId';
      insert into public.segment_tombstones as t (segment_id, version) values (item ->> 'segmentId', new_version)
      on conflict (segment_id) do update set version = excluded.version;
    else
      if (item ->> 'expectedVersion') is null then
        delete from public.segment_tombstones where segment_id = item ->> 'segmentId' returning version + 1 into have;
        if found then
          new_version := have;
        end if;
      end if;
      insert into public.segments as s (segment_id, condition, description, uses, version, revision, created_at, updated_at)
      values (
        item ->> 'segmentId', next -> 'condition', next ->> 'description',
        array(select jsonb_array_elements_text(next -> 'uses')), new_version, head.revision, now_at, now_at
      )
      on conflict (segment_id) do update set
        condition = excluded.condition, description = excluded.description, uses = excluded.uses,
        version = excluded.version, revision = excluded.revision, updated_at = excluded.updated_at;
    end if;
    head.audit_seq := head.audit_seq + 1;
    new_hash := sha256(head.audit_hash || convert_to(public.audit_text(
      head.audit_seq, now_at, change ->> 'actor', 'segment', 'segment:' || (item ->> 'segmentId'), item ->> 'reason',
      new_version, 1, head.revision, item -> 'details'
    ), 'UTF8'));
    insert into public.rollback_audit
      (seq, at, actor, action, feature_id, reason, version, epoch, revision, details, prev_hash, hash)
    values (
      head.audit_seq, now_at, change ->> 'actor', 'segment', 'segment:' || (item ->> 'segmentId'), item ->> 'reason',
      new_version, 1, head.revision, item -> 'details', head.audit_hash, new_hash
    );
    head.audit_hash := new_hash;
  end loop;

  for item in select jsonb_array_elements(change -> 'features') loop
    next := nullif(item -> 'next', 'null');
    select epoch into old_epoch from public.feature_flags where feature_id = item ->> 'featureId';
    new_version := coalesce((item ->> 'expectedVersion')::integer, 0) + 1;
    new_epoch := coalesce((next ->> 'epoch')::integer, old_epoch, (item ->> 'epoch')::integer);
    if next is null then
      delete from public.feature_flags where feature_id = item ->> 'featureId';
      insert into public.feature_tombstones as t (feature_id, revision, version, epoch, deleted_at)
      values (item ->> 'featureId', head.revision, new_version, new_epoch, now_at)
      on conflict (feature_id) do update set
        revision = excluded.revision, version = greatest(t.version + 1, excluded.version),
        epoch = greatest(t.epoch, excluded.epoch), deleted_at = excluded.deleted_at
      returning version, epoch into new_version, new_epoch;
    else
      if (item ->> 'expectedVersion') is null then
        delete from public.feature_tombstones where feature_id = item ->> 'featureId'
        returning version + 1, greatest(epoch + 1, new_epoch) into have, old_epoch;
        if found then
          new_version := have;
          new_epoch := old_epoch;
        end if;
        old_epoch := null;
      end if;
      insert into public.feature_flags as f (
        feature_id, enabled, rollout_bps, holdout_bps, epoch, epoch_started_at, version, revision, failure_mode,
        unit, private, targeting, written_targeting, segments, routes, gate, activation, tags, requires, operator_fields, rollout_before_bps,
        rollback_reason, rolled_back_at, created_at, updated_at
      ) values (
        item ->> 'featureId', (next ->> 'enabled')::boolean, (next ->> 'rolloutBps')::integer,
        (next ->> 'holdoutBps')::integer, new_epoch, now_at, new_version, head.revision, next ->> 'failureMode',
        coalesce(next ->> 'unit', 'visitor'), coalesce((next ->> 'private')::boolean, false),
        nullif(next -> 'targeting', 'null'), nullif(next -> 'writtenTargeting', 'null'),
        array(select jsonb_array_elements_text(coalesce(next -> 'segments', '[]'))), next -> 'routes', nullif(next -> 'gate', 'null'),
        nullif(next -> 'activation', 'null'),
        array(select jsonb_array_elements_text(next -> 'tags')),
        array(select jsonb_array_elements_text(next -> 'requires')),
        coalesce(next -> 'operatorFields', '{}'),
        (next ->> 'rolloutBeforeBps')::integer, next ->> 'rollbackReason',
        case when (next ->> 'latched')::boolean then now_at end, now_at, now_at
      )
      on conflict (feature_id) do update set
        enabled = excluded.enabled, rollout_bps = excluded.rollout_bps, holdout_bps = excluded.holdout_bps,
        epoch = excluded.epoch,
        epoch_started_at = case when f.epoch = excluded.epoch then f.epoch_started_at else now_at end,
        version = excluded.version, revision = excluded.revision, failure_mode = excluded.failure_mode,
        unit = coalesce(next ->> 'unit', f.unit), private = coalesce((next ->> 'private')::boolean, f.private),
        targeting = excluded.targeting,
        written_targeting = case
          when next ? 'writtenTargeting' then excluded.written_targeting
          when excluded.targeting is not distinct from f.targeting then f.written_targeting
        end,
        segments = case
          when next ? 'writtenTargeting' then excluded.segments
          when excluded.targeting is not distinct from f.targeting then f.segments
          else '{}'
        end,
        routes = excluded.routes, gate = excluded.gate,
        activation = excluded.activation, tags = excluded.tags, requires = excluded.requires,
        operator_fields = f.operator_fields || excluded.operator_fields,
        rollout_before_bps = excluded.rollout_before_bps, rollback_reason = excluded.rollback_reason,
        rolled_back_at = case
          when excluded.rolled_back_at is null then null
          else coalesce(f.rolled_back_at, excluded.rolled_back_at)
        end,
        updated_at = now_at;
    end if;

    new_rule_version := null;
    if nullif(item -> 'rule', 'null') is not null then
      insert into public.pmf_rules as r (feature_id, rule, updated_at)
      values (item ->> 'featureId', item -> 'rule', now_at)
      on conflict (feature_id) do update
        set rule = excluded.rule, version = r.version + 1, updated_at = excluded.updated_at
      returning version into new_rule_version;
    end if;

    head.audit_seq := head.audit_seq + 1;
    new_hash := sha256(head.audit_hash || convert_to(public.audit_text(
      head.audit_seq, now_at, change ->> 'actor', item ->> 'action', item ->> 'featureId', item ->> 'reason',
      new_version, new_epoch, head.revision, item -> 'details'
    ), 'UTF8'));
    insert into public.rollback_audit
      (seq, at, actor, action, feature_id, reason, version, epoch, revision, details, prev_hash, hash)
    values (
      head.audit_seq, now_at, change ->> 'actor', item ->> 'action', item ->> 'featureId', item ->> 'reason',
      new_version, new_epoch, head.revision, item -> 'details', head.audit_hash, new_hash
    );
    head.audit_hash := new_hash;
    committed := committed || jsonb_build_object(
      'featureId', item -> 'featureId', 'version', new_version, 'epoch', new_epoch,
      'ruleVersion', new_rule_version, 'action', item -> 'action', 'reason', item -> 'reason',
      'enabled', coalesce((next ->> 'enabled')::boolean, false)
    );
  end loop;

  select f.feature_id into orphan
  from public.feature_flags f, unnest(f.requires) as needed (feature_id)
  left join public.feature_flags g on g.feature_id = needed.feature_id
  where f.enabled and g.enabled is not true
    and (
      f.feature_id in (select c ->> 'featureId' from unnest(committed) c)
      or f.requires && array(select c ->> 'featureId' from unnest(committed) c)
    )
  limit 1;
  if found then
    raise exception '% would be open while a feature that it requires is not', orphan
      using errcode = 'SL001', detail = orphan;
  end if;

  update public.state_head
  set revision = head.revision, audit_seq = head.audit_seq, audit_hash = head.audit_hash;
  result := jsonb_build_object(
    'outcome', 'committed', 'revision', head.revision, 'at', now_at, 'features', to_jsonb(committed),
    'auditRows', head.audit_seq - first_seq
  );
  insert into public.outbox (topic, change_id, revision, payload)
  values ('state', (change ->> 'changeId')::uuid, head.revision, jsonb_build_object('result', result));
  perform pg_notify('sluice_outbox', head.revision::text);
  return result;
end
$function$;

CREATE OR REPLACE FUNCTION public.contract_service_role()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  owner regrole := (select relowner::regrole from pg_class where oid = 'public.feature_flags'::regclass);
  one regclass;
  strangers text;
begin
  if to_regrole('sluice_service') is null then
    return;
  end if;
  revoke create on schema public from sluice_service;
  for one in
    select c.oid from pg_class c left join pg_inherits i on i.inhrelid = c.oid
    where c.oid in ('public.span_log'::regclass, 'public.otel_spans'::regclass, 'public.unit_evidence'::regclass)
      or i.inhparent in ('public.span_log'::regclass, 'public.otel_spans'::regclass, 'public.unit_evidence'::regclass)
    order by i.inhparent nulls first, c.oid
  loop
    execute format('alter table %s owner to %s', one, owner);
    execute format('grant select, insert, update, delete on %s to sluice_service', one);
  end loop;

  select string_agg(found.what, ', ' order by found.what) into strangers
  from (
    select pg_describe_object(d.classid, d.objid, d.objsubid) as what
    from pg_shdepend d
    where d.deptype = 'o' and d.refclassid = 'pg_authid'::regclass and d.refobjid = 'sluice_service'::regrole
      and d.dbid = (select oid from pg_database where datname = current_database())
      and coalesce(obj_description(d.objid, 'pg_class'), '') <> 'Detached by Sluice, to be dropped'
    union all
    select pg_describe_object(t.classid, t.objid, 0)
    from (
      select 'pg_trigger'::regclass as classid, oid as objid, tgrelid as relation from pg_trigger where not tgisinternal
      union all select 'pg_policy'::regclass, oid, polrelid from pg_policy
      union all select 'pg_rewrite'::regclass, oid, ev_class from pg_rewrite
    ) t
    left join pg_inherits i on i.inhrelid = t.relation
    where coalesce(i.inhparent, t.relation)
      in ('public.span_log'::regclass, 'public.otel_spans'::regclass, 'public.unit_evidence'::regclass)
  ) found;
  if strangers is not null then
    raise exception 'the role sluice_service has made what is not of Sluice: %. Look at it, and drop it', strangers;
  end if;
end
$function$;

CREATE OR REPLACE FUNCTION public.count_features_bytes()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  grown bigint := 0;
  total bigint;
begin
  if tg_op <> 'DELETE' then
    grown := public.feature_bytes(new);
  end if;
  if tg_op <> 'INSERT' then
    grown := grown - public.feature_bytes(old);
  end if;
  update public.state_head set features_bytes = features_bytes + grown returning features_bytes into total;
  if grown > 0 and total > public.features_limit() then
    raise exception 'all features together would have % bytes, and % are allowed', total, public.features_limit()
      using errcode = 'SL002', detail = jsonb_build_object('bytes', total, 'limit', public.features_limit())::text;
  end if;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.evidence_progress(evidence jsonb)
 RETURNS double precision
 LANGUAGE sql
 IMMUTABLE
BEGIN ATOMIC
 SELECT
         CASE
             WHEN (((evidence ->> 'logBar'::text))::double precision > (0)::double precision) THEN GREATEST((0)::double precision, LEAST((1)::double precision, (COALESCE(((evidence ->> 'logEvidence'::text))::double precision, (0)::double precision) / ((evidence ->> 'logBar'::text))::double precision)))
             ELSE (0)::double precision
         END AS "case";
END;

CREATE OR REPLACE FUNCTION public.test_progress(test jsonb)
 RETURNS double precision
 LANGUAGE sql
 IMMUTABLE
BEGIN ATOMIC
 SELECT
         CASE
             WHEN (jsonb_typeof((test -> 'comparison'::text)) = 'object'::text) THEN LEAST(evidence_progress(test), evidence_progress((test -> 'comparison'::text)))
             ELSE evidence_progress(test)
         END AS evidence_progress;
END;

CREATE OR REPLACE FUNCTION public.decision_nearness(decision jsonb)
 RETURNS double precision
 LANGUAGE sql
 IMMUTABLE
BEGIN ATOMIC
 SELECT COALESCE(
         CASE
             WHEN ((decision ->> 'state'::text) = 'ROLLBACK'::text) THEN (1)::double precision
             WHEN ((decision ->> 'state'::text) = ANY (ARRAY['KEEP'::text, 'WATCH'::text])) THEN ( SELECT max(test_progress((t.value -> 'alarm'::text))) AS max
                FROM jsonb_array_elements((decision_nearness.decision #> '{evidence,tests}'::text[])) t(value)
               WHERE (jsonb_typeof((t.value -> 'alarm'::text)) = 'object'::text))
             ELSE GREATEST(( SELECT max(test_progress(t.value)) AS max
                FROM jsonb_array_elements((decision_nearness.decision #> '{evidence,tests}'::text[])) t(value)), ( SELECT min(evidence_progress(k.value)) AS min
                FROM jsonb_array_elements((decision_nearness.decision #> '{evidence,keep}'::text[])) k(value)))
         END, (0)::double precision) AS "coalesce";
END;

CREATE OR REPLACE FUNCTION public.deleting_actor()
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(nullif(current_setting('sluice.actor', true), ''), 'unknown')
$function$;

CREATE OR REPLACE FUNCTION public.drop_time_partition(parent text, partition_name text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
declare
  ends timestamptz := case parent
    when 'span_log' then to_timestamp(substring(partition_name from '^span_log_([0-9]{8}_[0-9]{2})$'), 'YYYYMMDD_HH24') + interval '1 hour'
    when 'otel_spans' then to_timestamp(substring(partition_name from '^otel_spans_([0-9]{6})$'), 'YYYYMM') + interval '1 month'
  end;
  is_over boolean;
  is_detached boolean;
begin
  select i.inhrelid is not null and ends < clock_timestamp(),
    i.inhrelid is null and starts_with(partition_name, parent || '_')
      and obj_description(c.oid, 'pg_class') = 'Detached by Sluice, to be dropped'
  into is_over, is_detached
  from pg_class c
  left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = ('public.' || parent)::regclass
  where c.oid = to_regclass('public.' || quote_ident(partition_name)) and c.relkind = 'r' and parent in ('span_log', 'otel_spans');
  if (is_over or is_detached) is not true then
    raise exception '% is no partition of % that is over', partition_name, parent using errcode = 'insufficient_privilege';
  end if;
  perform set_config('lock_timeout', '200ms', true);
  execute format('lock table only public.%I in access exclusive mode', partition_name);
  perform set_config('lock_timeout', '100ms', true);
  execute format('drop table public.%I', partition_name);
end
$function$;

CREATE OR REPLACE FUNCTION public.drop_unit_run(of_run integer)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform from pg_inherits
  where inhparent = 'public.unit_evidence'::regclass and inhrelid = to_regclass('public.unit_evidence_' || of_run);
  if found then
    execute format('drop table public.unit_evidence_%s', of_run);
  end if;
  delete from public.unit_runs where run = of_run;
  delete from public.arrived_runs where run = of_run;
end
$function$;

CREATE OR REPLACE FUNCTION public.expand_service_role()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  one regclass;
begin
  if to_regrole('sluice_service') is null then
    return;
  end if;
  grant create on schema public to sluice_service;
  for one in
    select c.oid from pg_class c left join pg_inherits i on i.inhrelid = c.oid
    where c.oid in ('public.span_log'::regclass, 'public.otel_spans'::regclass, 'public.unit_evidence'::regclass)
      or i.inhparent in ('public.span_log'::regclass, 'public.otel_spans'::regclass, 'public.unit_evidence'::regclass)
    order by i.inhparent nulls first, c.oid
  loop
    execute format('alter table %s owner to sluice_service', one);
  end loop;
end
$function$;

CREATE OR REPLACE FUNCTION public.feature_bytes(f feature_flags)
 RETURNS integer
 LANGUAGE sql
 STABLE
AS $function$
  select 400 + octet_length(concat(f.targeting, f.routes, f.gate, f.activation))
$function$;

CREATE OR REPLACE FUNCTION public.feature_state(f feature_flags)
 RETURNS jsonb
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
  select jsonb_build_object(
    'featureId', f.feature_id, 'enabled', f.enabled, 'rolloutBps', f.rollout_bps, 'holdoutBps', f.holdout_bps,
    'epoch', f.epoch, 'version', f.version, 'failureMode', f.failure_mode, 'targeting', f.targeting,
    'routes', f.routes, 'gate', f.gate, 'activation', f.activation)
$function$;

CREATE OR REPLACE FUNCTION public.features_limit()
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
AS $function$
  -- Far above what a thousand rich features need (some 5 MB), and below what the edge's stores take as one value.
  select 12 * 1024 * 1024::bigint
$function$;

CREATE OR REPLACE FUNCTION public.full_feature_state(f feature_flags)
 RETURNS jsonb
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
  select public.feature_state(f) || jsonb_build_object('unit', f.unit)
    || case when f.private then '{"private": true}' else '{}' end::jsonb
$function$;

CREATE OR REPLACE FUNCTION public.give_partition(made text, owner oid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if owner <> current_user::regrole then
    execute format('alter table public.%I owner to %s', made, owner::regrole);
  elsif exists (select from pg_roles where rolname = 'sluice_service') then
    execute format('grant select, insert, update, delete on public.%I to sluice_service', made);
  end if;
end
$function$;

CREATE OR REPLACE FUNCTION public.head_at(at_revision bigint)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(
    (select encode(hash, 'hex') from rollback_audit where revision <= at_revision order by seq desc limit 1), '')
$function$;

CREATE OR REPLACE FUNCTION public.history_place()
 RETURNS text
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select (select system_identifier from pg_control_system())::text
    || '.' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
    || '.' || (select oid from pg_database where datname = current_database())::text
$function$;

CREATE OR REPLACE FUNCTION public.index_unit_run(of_run integer)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform from pg_inherits
  where inhparent = 'public.unit_evidence'::regclass and inhrelid = to_regclass('public.unit_evidence_' || of_run);
  if not found then
    raise exception 'there is no run % of units', of_run using errcode = 'insufficient_privilege';
  end if;
  execute format('create index if not exists %I on %s (unit_key)', 'unit_evidence_' || of_run || '_key', 'public.unit_evidence_' || of_run);
end
$function$;

CREATE OR REPLACE FUNCTION public.keep_encrypted()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  raise exception 'the notification target % is encrypted: change it with an origin of this version', old.name
    using errcode = 'SL004';
end
$function$;

CREATE OR REPLACE FUNCTION public.make_time_partition(parent text, begins timestamp with time zone)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
declare
  unit text := case parent when 'span_log' then 'hour' when 'otel_spans' then 'month' end;
  made text := parent || '_' || to_char(begins, case unit when 'hour' then 'YYYYMMDD_HH24' else 'YYYYMM' end);
  parent_class pg_class;
  space text;
begin
  if (begins = date_trunc(unit, begins)
    and begins between clock_timestamp() - interval '1 year' and clock_timestamp() + interval '4 months') is not true then
    raise exception 'no partition of % begins at %', parent, begins using errcode = 'insufficient_privilege';
  end if;
  select * into parent_class from pg_class where oid = ('public.' || parent)::regclass;
  perform from pg_inherits where inhparent = parent_class.oid and inhrelid = to_regclass('public.' || made);
  if found then
    return null;
  end if;
  -- Where `create table … partition of` would put it, which `like` does not say.
  select ' tablespace ' || quote_ident(spcname) into space from pg_tablespace where oid = parent_class.reltablespace;
  execute format('create table public.%I (like public.%I including all)%s', made, parent, coalesce(space, ''));
  perform public.give_partition(made, parent_class.relowner);
  execute format('alter table public.%I attach partition public.%I for values from (%L) to (%L)',
    parent, made, begins, begins + ('1 ' || unit)::interval);
  return made;
end
$function$;

CREATE OR REPLACE FUNCTION public.make_unit_run(of_partition smallint)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  made integer;
begin
  insert into public.unit_runs (partition) values (of_partition) returning run into made;
  execute format('create table public.unit_evidence_%s (like public.unit_evidence)', made);
  execute format('alter table public.unit_evidence_%1$s alter column run set default %1$s', made);
  perform public.give_partition('unit_evidence_' || made, (select relowner from pg_class where oid = 'public.unit_evidence'::regclass));
  execute format('alter table public.unit_evidence attach partition public.unit_evidence_%1$s for values in (%1$s)', made);
  return made;
end
$function$;

CREATE OR REPLACE FUNCTION public.note_lineage(rewound boolean DEFAULT false)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  head public.state_head;
begin
  select * into head from public.state_head;
  if rewound or head.place is distinct from public.history_place() then
    update public.state_head set place = case when rewound then '' else place end returning * into head;
  end if;
  return head.lineage;
end
$function$;

CREATE OR REPLACE FUNCTION public.note_standing()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  score double precision := (new.decision ->> 'score')::float8;
begin
  insert into pmf_standings as s (feature_id, epoch, evaluation_id, state, exposed, nearness, scores)
  values (new.feature_id, new.epoch, new.id, new.state,
    coalesce((new.decision #>> '{details,exposed,treatment}')::float8, 0)
      + coalesce((new.decision #>> '{details,exposed,holdout}')::float8, 0),
    decision_nearness(new.decision), array_remove(array[score], null))
  on conflict (feature_id) do update set
    epoch = excluded.epoch, evaluation_id = excluded.evaluation_id, state = excluded.state, exposed = excluded.exposed,
    nearness = excluded.nearness,
    scores = case when s.epoch = excluded.epoch
      then (s.scores || excluded.scores)[greatest(1, cardinality(s.scores || excluded.scores) - 23):]
      else excluded.scores end
  where s.evaluation_id < excluded.evaluation_id;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.raise_revision(above bigint)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  head bigint;
begin
  select revision into head from public.state_head for update;
  if above > head + 1000000 then
    raise exception 'revision % is more than 1000000 above %: not raised', above, head using errcode = 'SL003';
  end if;
  update public.state_head set revision = above + 1, base = above + 1 where revision <= above;
end
$function$;

CREATE OR REPLACE FUNCTION public.refuse_audit_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'rollback_audit is append-only';
end
$function$;

CREATE OR REPLACE FUNCTION public.refuse_counts_of_all_partitions()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if (select by_partition from aggregate_database) then
    raise exception 'this database keeps its counts by partition: an origin of an older version cannot fold here, update it';
  end if;
  return null;
end;
$function$;

CREATE OR REPLACE FUNCTION public.refuse_early_deletion()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if old.confirmed_at > clock_timestamp() - interval '7 days'
    or old.confirmed_at > clock_timestamp() - interval '400 days'
      and exists (select from public.rollback_audit a where a.revision = old.revision and a.action = 'rollback') then
    raise exception 'the confirmation of revision % by % is kept for its receipt', old.revision, old.edge_url
      using errcode = 'insufficient_privilege';
  end if;
  return old;
end
$function$;

CREATE OR REPLACE FUNCTION public.refuse_evidence_of_all_partitions()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if (select by_partition from aggregate_database) then
    raise exception 'this database keeps its counts by partition: an origin of an older version cannot evaluate here, update it';
  end if;
  return new;
end;
$function$;

CREATE OR REPLACE FUNCTION public.refuse_folds_of_four_partitions()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if new.partition > 3 and coalesce(current_setting('sluice.knows_partitions', true), '') <> 'on' then
    raise exception 'the span log has another number of partitions than four: an origin of an older version cannot fold here, update it';
  end if;
  return new;
end;
$function$;

CREATE OR REPLACE FUNCTION public.refuse_older_writers(partitions integer)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  constraint_name text := format('log_has_%s_partitions_update_this_origin', partitions);
  fixed integer;
begin
  select a.partitions into fixed from public.aggregate_database a;
  if (partitions between 5 and 256 and partitions = coalesce(fixed, partitions)) is not true then
    raise exception 'the span log has % partitions, not %', coalesce(fixed, 4), partitions using errcode = 'insufficient_privilege';
  end if;
  perform from pg_constraint where conrelid = 'public.span_log'::regclass and conname = constraint_name;
  if not found then
    execute format('alter table public.span_log add constraint %I check (partition >= %s)', constraint_name, partitions);
  end if;
end
$function$;

CREATE OR REPLACE FUNCTION public.refuse_policy_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'approval_policies is append-only';
end
$function$;

CREATE TRIGGER alert_hooks_changed AFTER UPDATE ON alert_hooks FOR EACH ROW WHEN (old.version IS DISTINCT FROM new.version) EXECUTE FUNCTION audit_hook();
CREATE TRIGGER alert_hooks_made AFTER INSERT OR DELETE ON alert_hooks FOR EACH ROW EXECUTE FUNCTION audit_hook();
CREATE TRIGGER api_tokens_made AFTER INSERT ON api_tokens FOR EACH ROW EXECUTE FUNCTION audit_token();
CREATE TRIGGER api_tokens_revoked AFTER UPDATE ON api_tokens FOR EACH ROW WHEN (old.revoked_at IS NULL AND new.revoked_at IS NOT NULL) EXECUTE FUNCTION audit_token();
CREATE TRIGGER approval_policies_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON approval_policies FOR EACH STATEMENT EXECUTE FUNCTION refuse_policy_change();
CREATE TRIGGER approval_policies_audited AFTER INSERT ON approval_policies FOR EACH ROW EXECUTE FUNCTION audit_policy();
CREATE TRIGGER approval_policies_set AFTER INSERT ON approval_policies FOR EACH ROW EXECUTE FUNCTION announce_policy();
CREATE TRIGGER approval_requests_asked AFTER INSERT ON approval_requests FOR EACH ROW EXECUTE FUNCTION announce_approval();
CREATE TRIGGER approval_requests_decided AFTER UPDATE OF state ON approval_requests FOR EACH ROW WHEN (old.state IS DISTINCT FROM new.state) EXECUTE FUNCTION announce_approval();
CREATE TRIGGER edge_receipts_kept BEFORE DELETE ON edge_receipts FOR EACH ROW EXECUTE FUNCTION refuse_early_deletion();
CREATE TRIGGER feature_flags_bytes AFTER INSERT OR DELETE ON feature_flags FOR EACH ROW EXECUTE FUNCTION count_features_bytes();
CREATE TRIGGER feature_flags_bytes_changed AFTER UPDATE ON feature_flags FOR EACH ROW WHEN (old.targeting IS DISTINCT FROM new.targeting OR old.routes IS DISTINCT FROM new.routes OR old.gate IS DISTINCT FROM new.gate OR old.activation IS DISTINCT FROM new.activation) EXECUTE FUNCTION count_features_bytes();
CREATE TRIGGER folds_of_four_partitions BEFORE UPDATE ON fold_partitions FOR EACH ROW EXECUTE FUNCTION refuse_folds_of_four_partitions();
CREATE TRIGGER notification_targets_changed AFTER UPDATE ON notification_targets FOR EACH ROW WHEN (old.version IS DISTINCT FROM new.version AND NOT new.from_environment) EXECUTE FUNCTION audit_target();
CREATE TRIGGER notification_targets_deleted AFTER DELETE ON notification_targets FOR EACH ROW WHEN (NOT old.from_environment) EXECUTE FUNCTION audit_target();
CREATE TRIGGER notification_targets_encrypted BEFORE UPDATE ON notification_targets FOR EACH ROW WHEN (new.type ~~ 'encrypted-%'::text AND NOT new.config ? 'encrypted'::text) EXECUTE FUNCTION keep_encrypted();
CREATE TRIGGER notification_targets_made AFTER INSERT ON notification_targets FOR EACH ROW WHEN (NOT new.from_environment) EXECUTE FUNCTION audit_target();
CREATE TRIGGER outbox_announce_states AFTER INSERT ON outbox FOR EACH ROW WHEN (new.topic = 'state'::text) EXECUTE FUNCTION announce_states();
CREATE TRIGGER counts_of_all_partitions BEFORE INSERT OR UPDATE ON outcome_counts FOR EACH STATEMENT EXECUTE FUNCTION refuse_counts_of_all_partitions();
CREATE TRIGGER pmf_evaluations_standing AFTER INSERT ON pmf_evaluations FOR EACH ROW EXECUTE FUNCTION note_standing();
CREATE TRIGGER begun_of_all_partitions BEFORE INSERT ON pmf_trials FOR EACH ROW WHEN (NOT new.evidence ? 'missed'::text) EXECUTE FUNCTION refuse_evidence_of_all_partitions();
CREATE TRIGGER evidence_of_all_partitions BEFORE UPDATE OF evidence ON pmf_trials FOR EACH ROW WHEN (NOT new.evidence ? 'missed'::text) EXECUTE FUNCTION refuse_evidence_of_all_partitions();
CREATE TRIGGER rollback_audit_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON rollback_audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER schedules_finished AFTER UPDATE OF state ON schedules FOR EACH ROW WHEN (old.state IS DISTINCT FROM new.state) EXECUTE FUNCTION announce_schedule();
CREATE TRIGGER schedules_made AFTER INSERT ON schedules FOR EACH ROW EXECUTE FUNCTION announce_schedule();
CREATE TRIGGER state_head_lineage BEFORE UPDATE ON state_head FOR EACH ROW EXECUTE FUNCTION begin_lineage();

grant usage on schema public to sluice_service;
grant usage on sequence annotations_seq_seq to sluice_service;
grant usage on sequence announcements_id_seq to sluice_service;
grant usage on sequence approval_requests_seq_seq to sluice_service;
grant usage on sequence fold_set_aside_id_seq to sluice_service;
grant usage on sequence hook_deliveries_id_seq to sluice_service;
grant usage on sequence operator_events_id_seq to sluice_service;
grant usage on sequence outbox_id_seq to sluice_service;
grant usage on sequence pmf_evaluations_id_seq to sluice_service;
grant usage on sequence raw_span_spool_id_seq to sluice_service;
grant usage on sequence schedules_seq_seq to sluice_service;
grant usage on sequence schema_migrations_id_seq to sluice_service;
grant usage on sequence telemetry_writer to sluice_service;
grant usage on sequence unit_runs_run_seq to sluice_service;

grant delete, insert, select, update on table aggregate_database to sluice_service;
grant delete, insert, select, update on table alert_hooks to sluice_service;
grant delete, insert, select, update on table annotations to sluice_service;
grant delete, insert, select, update on table announcement_sources to sluice_service;
grant delete, insert, select, update on table announcements to sluice_service;
grant delete, insert, select, update on table api_tokens to sluice_service;

grant insert, select on table approval_policies to sluice_service;

grant delete, insert, select, update on table approval_requests to sluice_service;
grant delete, insert, select, update on table arrivals to sluice_service;
grant delete, insert, select, update on table arrivals_by_partition to sluice_service;
grant delete, insert, select, update on table arrived_runs to sluice_service;
grant delete, insert, select, update on table bot_requests to sluice_service;
grant delete, insert, select, update on table config_applies to sluice_service;
grant delete, insert, select, update on table dead_letters to sluice_service;
grant delete, insert, select, update on table edge_closes to sluice_service;
grant delete, insert, select, update on table edge_progress to sluice_service;
grant delete, insert, select on table edge_receipts to sluice_service;
grant delete, insert, select, update on table edge_targets to sluice_service;

grant insert, select on table edge_witnesses to sluice_service;

grant delete, insert, select on table epoch_pseudonyms to sluice_service;
grant delete, insert, select, update on table feature_exposures to sluice_service;

grant select on table feature_flags to sluice_service;
grant select on table feature_tombstones to sluice_service;

grant delete, insert, select, update on table feature_units to sluice_service;
grant delete, insert, select, update on table fold_checkpoints to sluice_service;
grant delete, insert, select, update on table fold_partitions to sluice_service;
grant delete, insert, select, update on table fold_quarantine to sluice_service;
grant delete, insert, select, update on table fold_set_aside to sluice_service;
grant delete, insert, select, update on table fold_windows to sluice_service;
grant delete, insert, select, update on table fold_windows_version to sluice_service;
grant delete, insert, select, update on table hook_alerts to sluice_service;
grant delete, insert, select, update on table hook_deliveries to sluice_service;
grant delete, insert, select, update on table idempotency_keys to sluice_service;
grant delete, insert, select, update on table ingest_presence to sluice_service;
grant delete, insert, select, update on table latency_sketches to sluice_service;

grant select on table lineages to sluice_service;

grant delete, insert, select, update on table managed_features to sluice_service;
grant delete, insert, select, update on table managed_segments to sluice_service;
grant delete, insert, select, update on table moved_partitions to sluice_service;
grant delete, insert, select, update on table notification_targets to sluice_service;

grant insert, select on table operator_events to sluice_service;

grant delete, insert, select, update on table otel_spans to sluice_service;
grant delete, insert, select, update on table outbox to sluice_service;
grant delete, insert, select, update on table outcome_counts to sluice_service;
grant delete, insert, select, update on table outcome_counts_by_partition to sluice_service;
grant delete, insert, select, update on table partition_places to sluice_service;

grant insert, select on table pmf_evaluations to sluice_service;

grant delete, insert, select, update on table pmf_looks to sluice_service;
grant delete, insert, select, update on table pmf_ramps to sluice_service;

grant select on table pmf_rules to sluice_service;

grant delete, insert, select, update on table pmf_standings to sluice_service;
grant delete, insert, select, update on table pmf_trials to sluice_service;

grant insert, select on table pseudonym_keys to sluice_service;

grant select on table pseudonyms_begin to sluice_service;

grant delete, insert, select, update on table raw_span_spool to sluice_service;

grant select on table rollback_audit to sluice_service;

grant delete, insert, select, update on table schedules to sluice_service;

grant select on table schema_migrations to sluice_service;
grant select on table segment_tombstones to sluice_service;
grant select on table segments to sluice_service;

grant delete, insert, select, update on table sessions to sluice_service;
grant delete, insert, select, update on table sign_in_codes to sluice_service;
grant delete, insert, select, update on table span_log to sluice_service;
grant delete, insert, select, update on table span_log_streams to sluice_service;

grant select on table state_head to sluice_service;

grant delete, insert, select, update on table telemetry_regions to sluice_service;
grant delete, insert, select, update on table uncounted_by_partition to sluice_service;
grant delete, insert, select, update on table uncounted_signals to sluice_service;
grant delete, insert, select, update on table unit_evidence to sluice_service;
grant delete, insert, select, update on table unit_runs to sluice_service;
grant delete, insert, select, update on table user_actions to sluice_service;
grant delete, insert, select, update on table user_retention to sluice_service;
grant delete, insert, select, update on table waiting_units to sluice_service;

revoke execute on function announce_approval() from public;
revoke execute on function announce_policy() from public;
revoke execute on function announce_schedule() from public;
revoke execute on function announce_states() from public;
revoke execute on function audit_hook() from public;
revoke execute on function audit_operator_change(text,text,text,text,integer,jsonb) from public;

grant execute on function audit_operator_change(text,text,text,text,integer,jsonb) to sluice_service;

revoke execute on function audit_policy() from public;
revoke execute on function audit_target() from public;
revoke execute on function audit_text(bigint,timestamp with time zone,text,text,text,text,integer,integer,bigint,jsonb) from public;

grant execute on function audit_text(bigint,timestamp with time zone,text,text,text,text,integer,integer,bigint,jsonb) to sluice_service;

revoke execute on function audit_token() from public;
revoke execute on function begin_lineage() from public;
revoke execute on function commit_change(jsonb) from public;

grant execute on function commit_change(jsonb) to sluice_service;

revoke execute on function contract_service_role() from public;
revoke execute on function count_features_bytes() from public;
revoke execute on function decision_nearness(jsonb) from public;

grant execute on function decision_nearness(jsonb) to sluice_service;

revoke execute on function deleting_actor() from public;

grant execute on function deleting_actor() to sluice_service;

revoke execute on function drop_time_partition(text,text) from public;

grant execute on function drop_time_partition(text,text) to sluice_service;

revoke execute on function drop_unit_run(integer) from public;

grant execute on function drop_unit_run(integer) to sluice_service;

revoke execute on function evidence_progress(jsonb) from public;

grant execute on function evidence_progress(jsonb) to sluice_service;

revoke execute on function expand_service_role() from public;
revoke execute on function feature_bytes(feature_flags) from public;

grant execute on function feature_bytes(feature_flags) to sluice_service;

revoke execute on function feature_state(feature_flags) from public;

grant execute on function feature_state(feature_flags) to sluice_service;

revoke execute on function features_limit() from public;

grant execute on function features_limit() to sluice_service;

revoke execute on function full_feature_state(feature_flags) from public;

grant execute on function full_feature_state(feature_flags) to sluice_service;

revoke execute on function give_partition(text,oid) from public;
revoke execute on function head_at(bigint) from public;

grant execute on function head_at(bigint) to sluice_service;

revoke execute on function history_place() from public;

grant execute on function history_place() to sluice_service;

revoke execute on function index_unit_run(integer) from public;

grant execute on function index_unit_run(integer) to sluice_service;

revoke execute on function keep_encrypted() from public;
revoke execute on function make_time_partition(text,timestamp with time zone) from public;

grant execute on function make_time_partition(text,timestamp with time zone) to sluice_service;

revoke execute on function make_unit_run(smallint) from public;

grant execute on function make_unit_run(smallint) to sluice_service;

revoke execute on function note_lineage(boolean) from public;

grant execute on function note_lineage(boolean) to sluice_service;

revoke execute on function note_standing() from public;
revoke execute on function raise_revision(bigint) from public;

grant execute on function raise_revision(bigint) to sluice_service;

revoke execute on function refuse_audit_change() from public;
revoke execute on function refuse_counts_of_all_partitions() from public;
revoke execute on function refuse_early_deletion() from public;
revoke execute on function refuse_evidence_of_all_partitions() from public;
revoke execute on function refuse_folds_of_four_partitions() from public;
revoke execute on function refuse_older_writers(integer) from public;

grant execute on function refuse_older_writers(integer) to sluice_service;

revoke execute on function refuse_policy_change() from public;
revoke execute on function test_progress(jsonb) from public;

grant execute on function test_progress(jsonb) to sluice_service;

alter default privileges in schema public grant delete, insert, select, update on tables to sluice_service;
alter default privileges in schema public grant usage on sequences to sluice_service;

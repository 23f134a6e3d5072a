-- Up Migration
-- These run with the owner's rights, for the triggers of this schema. Whoever may execute one can also put it on a table of their
-- own, such as a temporary one, and so write rows of the audit or a lineage that nothing stands behind. A trigger that is there
-- needs no such right.
revoke execute on function
  audit_hook(), audit_target(), audit_policy(), audit_token(), begin_lineage(), count_features_bytes(), refuse_early_deletion()
  from public;

-- Up Migration
-- What an edge lacks, and which rollbacks a confirmation covers, are asked by revision: with each confirmation of each edge.
create index rollback_audit_revision on rollback_audit (revision);

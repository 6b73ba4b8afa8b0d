-- Keep whoever else saves pipelines waiting until the transaction ends.
SELECT pg_advisory_xact_lock(hashtext('pipelines'))

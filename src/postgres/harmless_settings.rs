//! Settings that give nobody a right: each may be changed by anybody for a session of their own, loads no code, and
//! names no file.

/// Settings of the context `user` in the server's own list that choose how a session plans, waits, shows and compares.
///
/// Left out on purpose: what loads code or runs functions (`local_preload_libraries`, `default_table_access_method`),
/// what triggers and checks obey (`session_replication_role`, `check_function_bodies`, `row_security`), what grants
/// itself (`role`), and every setting of an extension.
/// <https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/utils/misc/guc_tables.c>
const HARMLESS: &[&str] = &[
    "application_name",
    "array_nulls",
    "backend_flush_after",
    "bytea_output",
    "client_min_messages",
    "commit_delay",
    "constraint_exclusion",
    "cpu_index_tuple_cost",
    "cpu_operator_cost",
    "cpu_tuple_cost",
    "cursor_tuple_fraction",
    "datestyle",
    "default_statistics_target",
    "default_text_search_config",
    "default_toast_compression",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "effective_cache_size",
    "effective_io_concurrency",
    "escape_string_warning",
    "extra_float_digits",
    "from_collapse_limit",
    "geqo",
    "geqo_threshold",
    "gin_fuzzy_search_limit",
    "gin_pending_list_limit",
    "hash_mem_multiplier",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "intervalstyle",
    "jit",
    "jit_above_cost",
    "jit_inline_above_cost",
    "jit_optimize_above_cost",
    "join_collapse_limit",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "lock_timeout",
    "logical_decoding_work_mem",
    "maintenance_io_concurrency",
    "maintenance_work_mem",
    "max_parallel_maintenance_workers",
    "max_parallel_workers",
    "max_parallel_workers_per_gather",
    "min_parallel_index_scan_size",
    "min_parallel_table_scan_size",
    "parallel_leader_participation",
    "parallel_setup_cost",
    "parallel_tuple_cost",
    "plan_cache_mode",
    "quote_all_identifiers",
    "random_page_cost",
    "search_path",
    "seq_page_cost",
    "standard_conforming_strings",
    "statement_timeout",
    "synchronize_seqscans",
    "synchronous_commit",
    "tcp_keepalives_count",
    "tcp_keepalives_idle",
    "tcp_keepalives_interval",
    "tcp_user_timeout",
    "temp_buffers",
    "timezone",
    "transaction_timeout",
    "transform_null_equals",
    "vacuum_cost_delay",
    "vacuum_cost_limit",
    "work_mem",
    "xmlbinary",
    "xmloption",
];

/// Whether a setting of this name gives nobody a right. Names count in either case, as on the server.
pub(super) fn is_harmless(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    HARMLESS.contains(&name.as_str()) || name.starts_with("enable_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_loads_code_names_files_or_belongs_to_an_extension_is_not_harmless() {
        for name in ["work_mem", "search_path", "TimeZone", "enable_seqscan"] {
            assert!(is_harmless(name), "{name}");
        }
        for name in [
            "session_preload_libraries",
            "local_preload_libraries",
            "dynamic_library_path",
            "log_statement",
            "role",
            "session_replication_role",
            "row_security",
            "plperl.on_init",
            "app.motto",
            "",
        ] {
            assert!(!is_harmless(name), "{name}");
        }
    }
}

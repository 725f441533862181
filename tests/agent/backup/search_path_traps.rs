//! A database whose owner lies in wait: every operator, function, view and type of PostgreSQL's has a double that comes
//! first in the database's `search_path` and says so in the server's log. Whoever is a superuser and leaves a name to
//! the path runs the owner's code with his own rights (CVE-2018-1058).

use crate::{
    stage::{SMALL, Stage, unique},
    testbed::Cluster,
};

/// Doubles of what is in `pg_catalog`: each logs, and then does what the original does, so that nothing gives it away.
/// What a role that is no superuser can't double (functions that take `internal`, say) is left out.
const TRAPS: &str = r#"
    CREATE SCHEMA trap;
    CREATE FUNCTION trap.sprung(what text) RETURNS boolean LANGUAGE plpgsql AS $f$
      BEGIN RAISE LOG 'TRAP TAG % of %', what, current_user; RETURN true; END $f$;
    DO $do$
    DECLARE o record; left_type text; right_type text;
    BEGIN
      FOR o IN SELECT p.oid, p.proname, p.prorettype::regtype AS returns, p.proretset,
                      array_to_string(ARRAY(SELECT t.type::regtype::text || ' ' FROM unnest(p.proargtypes::oid[]) AS t (type)), ', ') AS types,
                      array_to_string(ARRAY(SELECT '$' || n FROM generate_series(1, p.pronargs) n), ', ') AS arguments
                 FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND p.provariadic = 0 LOOP
        BEGIN
          EXECUTE format('CREATE FUNCTION trap.%I(%s) RETURNS %s %s LANGUAGE plpgsql AS $t$ BEGIN PERFORM trap.sprung(%L); %s pg_catalog.%I(%s); %s END $t$',
            o.proname, o.types, CASE WHEN o.proretset THEN 'SETOF' ELSE '' END, o.returns, 'function ' || o.proname,
            CASE WHEN o.proretset THEN 'RETURN QUERY SELECT * FROM' WHEN o.returns = 'void'::regtype THEN 'PERFORM' ELSE 'RETURN' END,
            o.proname, o.arguments, CASE WHEN o.proretset THEN 'RETURN;' ELSE '' END);
        EXCEPTION WHEN OTHERS THEN NULL; END;
      END LOOP;
      FOR o IN SELECT op.oprname, op.oprcode::regproc::text AS code, op.oprleft, op.oprright, op.oprresult::regtype AS returns,
                      nullif(op.oprleft, 0)::regtype AS l, op.oprright::regtype AS r, op.oid
                 FROM pg_operator op WHERE op.oprnamespace = 'pg_catalog'::regnamespace LOOP
        BEGIN
          EXECUTE format('CREATE FUNCTION trap.op_%s(%s) RETURNS %s LANGUAGE plpgsql AS $t$ BEGIN PERFORM trap.sprung(%L); RETURN %s OPERATOR(pg_catalog.%s) %s; END $t$',
            o.oid, concat_ws(', ', o.l, o.r), o.returns, 'operator ' || o.oprname,
            CASE WHEN o.l IS NULL THEN '' ELSE '$1' END, o.oprname, CASE WHEN o.l IS NULL THEN '$1' ELSE '$2' END);
          EXECUTE format('CREATE OPERATOR trap.%s (%s RIGHTARG = %s, FUNCTION = trap.op_%s)',
            o.oprname, CASE WHEN o.l IS NULL THEN '' ELSE format('LEFTARG = %s,', o.l) END, o.r, o.oid);
        EXCEPTION WHEN OTHERS THEN NULL; END;
      END LOOP;
      FOR o IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v') LOOP
        BEGIN
          EXECUTE format('CREATE VIEW trap.%I AS SELECT * FROM pg_catalog.%I WHERE trap.sprung(%L)', o.relname, o.relname, 'view ' || o.relname);
          EXECUTE format('GRANT SELECT ON trap.%I TO PUBLIC', o.relname);
        EXCEPTION WHEN OTHERS THEN NULL; END;
      END LOOP;
      FOR o IN SELECT t.typname FROM pg_type t WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b' AND t.typcategory <> 'A' LOOP
        BEGIN
          EXECUTE format('CREATE DOMAIN trap.%I AS pg_catalog.%I CHECK (trap.sprung(%L))', o.typname, o.typname, 'type ' || o.typname);
        EXCEPTION WHEN OTHERS THEN NULL; END;
      END LOOP;
    END $do$;
    -- what a table calls when it is looked at: a policy, a check, a default, an index
    CREATE TABLE public.watched (id int, note trap.text DEFAULT 'x');
    ALTER TABLE public.watched ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY watch ON public.watched USING (trap.sprung('policy'));
    CREATE RULE again AS ON UPDATE TO public.watched DO INSTEAD NOTHING;"#;

/// What an owner can set for whoever connects to his database, beside the path.
const SETTINGS: &[(&str, &str)] = &[
    ("search_path", "trap, public, pg_catalog"),
    ("standard_conforming_strings", "off"),
    ("backslash_quote", "on"),
    ("escape_string_warning", "on"),
    ("quote_all_identifiers", "on"),
    ("\"DateStyle\"", "German"),
    ("\"IntervalStyle\"", "sql_standard"),
    ("\"TimeZone\"", "Asia/Kathmandu"),
    ("bytea_output", "escape"),
    ("array_nulls", "off"),
    ("client_encoding", "LATIN1"),
    ("client_min_messages", "debug1"),
    ("default_transaction_isolation", "serializable"),
    ("default_transaction_deferrable", "on"),
    ("default_transaction_read_only", "off"),
    ("row_security", "off"),
    ("extra_float_digits", "-15"),
    ("idle_in_transaction_session_timeout", "1"),
];

/// The hostile database: a tag by which its traps are known in the log, and its owner.
struct Hostile<'a> {
    cluster: &'static Cluster,
    database: &'a str,
    tag: String,
}

impl<'a> Hostile<'a> {
    fn lay(cluster: &'static Cluster, database: &'a str) -> Self {
        let (owner, tag) = (unique("mallory"), unique("tag"));
        cluster.psql(
            database,
            &format!(
                "create role {owner} login; alter database {database} owner to {owner}; grant all on schema \
                public to {owner}"
            ),
        );
        // as the owner alone, who is no superuser: nothing here takes more
        let traps = format!("SET SESSION AUTHORIZATION {owner}; {}", TRAPS.replace("TAG", &tag));
        cluster.psql(database, &traps);
        let event_trigger = "create event trigger e on ddl_command_start execute function pg_catalog.pg_notify()";
        let refused = cluster.try_psql(database, &format!("SET SESSION AUTHORIZATION {owner}; {event_trigger}"));
        assert!(
            refused.is_err(),
            "an owner can make event triggers: then they belong into the traps"
        );
        let hostile = Self { cluster, database, tag };
        for (name, value) in SETTINGS {
            let value = if *name == "search_path" {
                (*value).to_owned()
            } else {
                format!("'{value}'")
            };
            cluster.psql(
                "postgres",
                &format!("SET ROLE {owner}; ALTER DATABASE {database} SET {name} = {value}"),
            );
        }
        hostile
    }

    /// Every call of a trap so far.
    fn sprung(&self) -> Vec<String> {
        let log = self.cluster.log();
        let mark = format!("TRAP {} ", self.tag);
        let lines = log.lines().filter(|line| line.contains("LOG:"));
        lines
            .filter_map(|line| Some(line.split_once(&mark)?.1.to_owned()))
            .collect()
    }

    /// The traps work: a careless superuser runs into each kind.
    fn prove(&self) {
        for (kind, sql) in [
            ("operator =", "SELECT 'a'::pg_catalog.text = 'b'::pg_catalog.text"),
            ("operator ||", "SELECT 'a'::pg_catalog.text || 'b'::pg_catalog.text"),
            (
                "function current_setting",
                "SELECT current_setting('server_version'::pg_catalog.text)",
            ),
            ("function pg_backend_pid", "SELECT pg_backend_pid()"),
            ("view pg_class", "SELECT 1 FROM pg_class LIMIT 1"),
            ("view pg_locks", "SELECT 1 FROM pg_locks LIMIT 1"),
            ("type int8", "SELECT '1'::trap.int8"),
        ] {
            let before = self.sprung().len();
            self.cluster.psql(
                self.database,
                &format!("SET idle_in_transaction_session_timeout = 0; BEGIN READ ONLY; {sql}; COMMIT"),
            );
            let sprung = self.sprung();
            assert!(
                sprung[before..].iter().any(|one| one.starts_with(kind)),
                "{kind}: {:?}",
                &sprung[before..]
            );
        }
    }

    /// Runs this, during which no trap may be sprung.
    #[track_caller]
    fn untouched<T>(&self, what: &str, work: impl FnOnce() -> T) -> T {
        let before = self.sprung().len();
        let done = work();
        let sprung = self.sprung();
        assert_eq!(sprung[before..], [""; 0], "{what}");
        done
    }
}

#[test]
fn no_command_runs_the_code_of_the_databases_owner() {
    for major in [None, Some(18)] {
        let stage = Stage::on(major, SMALL);
        let hostile = Hostile::lay(stage.cluster, &stage.database);
        hostile.prove();
        let agent = stage.agent().env("PGCOFFER_SCHEDULE", "hourly keep 24h");
        let into = [
            "restore",
            "latest",
            "--to",
            &stage.cluster.url(&stage.database),
            "--confirm",
            &stage.database,
        ];
        let commands: [(&[&str], &[i32]); 9] = [
            (&["check"], &[0, 8]),
            (&["check", "--json"], &[0, 8]),
            (&["check", "--fix-sql"], &[0]),
            (&["check", "--fix-sql", "--role", "it's \"x\"\\"], &[0]),
            (&["backup"], &[0]),
            (&["tick"], &[0]),
            (&["verify"], &[0]),
            (&["status"], &[0]),
            // refused, as the database isn't empty
            (&into, &[3]),
        ];
        for (command, codes) in commands {
            let outcome = hostile.untouched(&command.join(" "), || agent.run(command));
            assert!(
                codes.contains(&outcome.code()),
                "{command:?}: {}{}",
                outcome.text(),
                outcome.stderr
            );
        }
        // what is held up by somebody else's lock is told by the same look
        let _held = held(stage.cluster, &stage.database);
        let outcome = hostile.untouched("backup under a lock", || agent.run(["backup"]));
        assert_eq!(outcome.code(), 6, "{}", outcome.stderr);
    }
}

/// Somebody who holds the lock of the label `main`, until he is dropped.
fn held(cluster: &Cluster, database: &str) -> crate::backup::lock_holders::Holding {
    crate::backup::lock_holders::Holding::take(cluster, "postgres", database, "somebody")
}

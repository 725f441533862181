use super::*;

#[test]
fn roles_of_a_policy() {
    for (sql, roles) in [
        (
            "CREATE POLICY own ON public.notes FOR SELECT TO app_reader, app_writer USING ((owner = \
             CURRENT_USER));\n",
            vec!["app_reader", "app_writer"],
        ),
        (
            "CREATE POLICY p ON s.\"to\" AS RESTRICTIVE TO \"Odd, \"\"one\" WITH CHECK (true);",
            vec!["Odd, \"one"],
        ),
        ("CREATE POLICY p ON s.t USING ((x = 'to y using z'::text));", vec![]),
        (
            "CREATE POLICY \"p TO q\" ON s.t FOR ALL TO jörg USING (true);",
            vec!["jörg"],
        ),
    ] {
        assert_eq!(policy_roles(sql), roles, "{sql}");
    }
}

#[test]
fn roles_of_mappings_and_privileges() {
    assert_eq!(
        mapped_role("CREATE USER MAPPING FOR \"a b\" SERVER s OPTIONS (\n    password 'for x server y'\n);"),
        ["a b"]
    );
    assert!(mapped_role("CREATE USER MAPPING FOR PUBLIC SERVER s;").is_empty());
    let acl = "REVOKE ALL ON FUNCTION s.f(\"to\" text) FROM PUBLIC;\nGRANT ALL ON FUNCTION s.f(\"to\" text, role \
        text) TO app;\nALTER DEFAULT PRIVILEGES FOR ROLE cloud_admin IN SCHEMA public GRANT SELECT ON TABLES TO x;";
    assert_eq!(granted_roles(acl), ["app", "cloud_admin", "x"]);
}

#[test]
fn a_part_says_which_table_it_is_on() {
    for (kind, sql, name) in [
        (
            "POLICY",
            "CREATE POLICY \"on x\" ON s.\"a b\" USING ((id IN (SELECT a.id FROM s.a)));",
            "a b",
        ),
        (
            "RULE",
            "CREATE RULE r AS\n    ON INSERT TO s.\"a b\" DO ALSO INSERT INTO s.a VALUES (1);",
            "a b",
        ),
        (
            "TRIGGER",
            "CREATE TRIGGER t BEFORE UPDATE OF v ON s.a FOR EACH ROW EXECUTE FUNCTION s.f();",
            "a",
        ),
        (
            "FK CONSTRAINT",
            "ALTER TABLE ONLY s.\"a b\"\n    ADD CONSTRAINT k FOREIGN KEY (i) REFERENCES s.a(i);",
            "a b",
        ),
        (
            "DEFAULT",
            "ALTER TABLE ONLY s.a ALTER COLUMN id SET DEFAULT nextval('s.q'::regclass);",
            "a",
        ),
        ("ROW SECURITY", "ALTER TABLE s.a ENABLE ROW LEVEL SECURITY;", "a"),
    ] {
        assert_eq!(
            table_it_is_on(kind, sql),
            Some(("s".to_owned(), name.to_owned())),
            "{sql}"
        );
    }
    assert_eq!(table_it_is_on("TABLE DATA", "COPY s.a (i) FROM stdin;"), None);
    assert_eq!(table_it_is_on("POLICY", "CREATE POLICY p ON"), None);
}

#[test]
fn languages_providers_columns() {
    let sql = "CREATE FUNCTION s.f(language text DEFAULT 'LANGUAGE c'::text) RETURNS TABLE(language text)\n    \
        LANGUAGE plpgsql STABLE\n    AS $_$ begin return LANGUAGE c; end $_$;";
    assert_eq!(name_after("language", sql).as_deref(), Some("plpgsql"));
    let label = "SECURITY LABEL FOR anon ON COLUMN public.t.a IS 'MASKED FOR x';";
    assert_eq!(name_after("for", label).as_deref(), Some("anon"));
    assert_eq!(
        columns("COPY auth.users (id, \"E mail\", \"a)b\") FROM stdin;\n"),
        ["id", "E mail", "a)b"]
    );
    assert!(has_keywords(
        &["for", "all", "tables"],
        "CREATE PUBLICATION p FOR ALL TABLES WITH (publish = 'x');"
    ));
    assert!(!has_keywords(
        &["for", "all", "tables"],
        "CREATE PUBLICATION \"FOR ALL TABLES\" WITH (publish = 'FOR ALL TABLES');"
    ));
}

#[test]
fn columns_of_a_type() {
    let sql = "CREATE TABLE s.t (\n    id oid NOT NULL,\n    a numeric(4,2),\n    \"my oid\" public.lo,\n    oid integer,\n    \
               d text DEFAULT 'x, y oid'\n);\nALTER TABLE s.t (z oid);";
    assert_eq!(columns_of_type(sql, "oid"), ["id"]);
    assert_eq!(columns_of_type(sql, "lo"), ["my oid"]);
}

#[test]
fn what_is_taken_from_everybody() {
    let acl = "REVOKE ALL ON FUNCTION s.\"a;\nb\"(\"from\" text) FROM PUBLIC;\nGRANT ALL ON FUNCTION s.\"a;\nb\"(x \
        text) TO app;\nGRANT ALL ON SCHEMA x TO PUBLIC;\n";
    let found: Vec<_> = statements(acl).into_iter().map(public_privilege).collect();
    assert_eq!(found, [Some(Privilege::Taken), None, Some(Privilege::Given)]);
    assert_eq!(public_privilege("REVOKE ALL ON TABLE t FROM \"public\""), None);
    assert_eq!(public_privilege("ALTER DEFAULT PRIVILEGES REVOKE x"), None);
}

#[test]
fn what_is_cut_or_odd_ends() {
    for sql in ["'", "\"", "$x$", "$", "E'\\", "--", "\"a\"\"", "$1 $é$ $é$"] {
        words(sql);
    }
}

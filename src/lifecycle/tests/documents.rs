use crate::{
    backup::{Label, Retention, Tier},
    lifecycle::{
        ABORT_DAYS, Document, Error, PlannedRule, RULES_MAX, RuleForm, RuleOptions, is_ours, parse_transitions, plan,
    },
};

fn configuration(rules: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LifecycleConfiguration \
         xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n{rules}\n</LifecycleConfiguration>\n"
    )
}

fn document(rules: &str) -> Document {
    Document::parse(&configuration(rules)).unwrap()
}

fn ours(id: &str) -> bool {
    is_ours(id, "backups", &[Label::parse("main").unwrap()])
}

fn wanted(days: u32) -> Vec<PlannedRule> {
    let databases = [(
        Label::parse("main").unwrap(),
        vec![(Tier::Monthly, Retention::Months(12))],
    )];
    let cold = parse_transitions(&format!("monthly to glacier after {days}d")).unwrap();
    let options = RuleOptions {
        cold,
        expire: None,
        abort_days: ABORT_DAYS,
        noncurrent_days: None,
    };
    plan("backups", &databases, &options).unwrap().rules
}

/// Rules as customers have them: spaces, entities, a date with its fraction, an old prefix, a tag with an umlaut.
const THEIRS: [&str; 3] = [
    "<Rule>\n  <ID>old &amp; \
     grey</ID><Filter><Prefix>logs/</Prefix></Filter><Status>Enabled</Status><Expiration><Date>2030-01-01T00:00:00.000Z</Date></Expiration>\n</Rule>",
    "<Rule><Status>Disabled</Status><Filter><And><Prefix>a&#13;b</Prefix><Tag><Key>k</Key><Value>ü</Value></Tag><Tag><Key>l</Key><Value/></Tag><ObjectSizeLessThan>5</ObjectSizeLessThan></And></Filter><ID>odd</ID><Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition><Transition><Days>90</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>",
    "<Rule><ID>all</ID><Filter/><Status>Enabled</Status><NoncurrentVersionExpiration><NoncurrentDays>5</NoncurrentDays><NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration></Rule>",
];

#[test]
fn other_peoples_rules_stay_byte_for_byte_and_in_order() {
    let before = document(&THEIRS.join("\n"));
    before.check_known().unwrap();
    let after = before.with(&wanted(30), ours).unwrap();
    let xml = after.xml();
    let places: Vec<usize> = THEIRS.iter().map(|rule| xml.find(rule).unwrap()).collect();
    assert!(places.is_sorted());
    let back = Document::parse(&xml).unwrap();
    assert_eq!(after.differences(&back, ours), [""; 0]);
    assert_eq!(back.rules().len(), 5);
}

#[test]
fn ours_are_replaced_and_those_of_other_places_are_not() {
    let elsewhere = wanted(5)[0].xml(RuleForm::Filter).replace("e09b9d2a", "00000000");
    let first = document(&elsewhere).with(&wanted(30), ours).unwrap();
    let again = Document::parse(&first.xml()).unwrap();
    assert_eq!(again.with(&wanted(30), ours).unwrap(), again, "nothing to change");
    let changed = again.with(&wanted(31), ours).unwrap();
    assert_ne!(changed, again);
    assert_eq!(changed.rules().len(), 3);
    let less = changed.with(&wanted(31)[1..], ours).unwrap();
    let ids: Vec<_> = less.rules().iter().map(|rule| rule.id().unwrap()).collect();
    assert_eq!(
        ids,
        ["pgcoffer-00000000-main-monthly-cold", "pgcoffer-e09b9d2a-main-uploads"]
    );
}

#[test]
fn an_order_of_elements_and_spaces_are_no_difference() {
    let sent = Document::default().with(&wanted(30), ours).unwrap();
    let back = document(
        "<Rule><Status>Enabled</Status> <Transition><StorageClass>GLACIER</StorageClass><Days>30</Days></Transition>
         <Filter> <Prefix>backups/main/archives/monthly/</Prefix></Filter><ID>pgcoffer-e09b9d2a-main-monthly-cold</ID></Rule>
         <Rule><ID>pgcoffer-e09b9d2a-main-uploads</ID><Filter><Prefix>backups/main/archives/</Prefix></Filter><Status>Enabled</Status>
         <AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>",
    );
    assert_eq!(sent.differences(&back, ours), [""; 0]);
}

#[test]
fn whatever_comes_back_otherwise_is_seen() {
    let theirs = THEIRS.join("");
    let sent = document(&theirs).with(&wanted(30), ours).unwrap();
    let xml = sent.xml();
    let prefix = "<Prefix>backups/main/archives/monthly/</Prefix>";
    let transition = "<Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition></Rule><Rule><ID>pg";
    for (from, to, seen) in [
        (prefix, "<Prefix></Prefix>", "is missing"),
        (
            &format!("<Filter>{prefix}</Filter>"),
            "",
            "Filter/Prefix \"backups/main/archives/monthly/\" is missing",
        ),
        (transition, "</Rule><Rule><ID>pg", "Transition/Days \"30\" is missing"),
        (
            "<Days>30</Days><StorageClass>GLACIER</StorageClass></Transition></Rule><",
            "<Days>3</Days><StorageClass>GLACIER</StorageClass></Transition></Rule><",
            "Days \"3\" was added",
        ),
        (
            "</Status><Abort",
            "</Status><Expiration><Days>1</Days></Expiration><Abort",
            "Expiration/Days \"1\" was added",
        ),
        (
            "e09b9d2a-main-uploads",
            "e09b9d2a-main-upload",
            "should have been removed",
        ),
        ("2030-01-01T00:00:00.000Z", "2030-01-01T00:00:00Z", "old & grey"),
        ("<Status>Disabled", "<Status>Enabled", "\"odd\""),
        ("<Tag><Key>l</Key><Value/></Tag>", "", "\"odd\""),
        (THEIRS[2], "", "\"all\", which is not ours, is missing"),
        ("<ID>all</ID>", "<ID>al</ID>", "\"all\", which is not ours, is missing"),
        (
            "<ID>all</ID><Filter/>",
            "<ID>all</ID><Filter></Filter>",
            "written differently",
        ),
        (&theirs, &[THEIRS[1], THEIRS[0], THEIRS[2]].concat(), "another order"),
    ] {
        assert_eq!(xml.matches(from).count(), 1, "{from}");
        let back = Document::parse(&xml.replace(from, to)).unwrap();
        let differences = sent.differences(&back, ours).join("; ");
        assert!(differences.contains(seen), "{from} -> {to}: {differences:?}");
    }
    assert!(!sent.differences(&Document::default(), ours).is_empty());
}

#[test]
fn who_writes_at_the_same_time_is_left_alone() {
    let before = document(THEIRS[0]);
    let sent = before.with(&wanted(30), ours).unwrap();
    let other = wanted(5)[0].xml(RuleForm::Filter).replace("e09b9d2a", "00000000");
    let with = |rule: &str| {
        let more = format!("</Rule>{rule}");
        Document::parse(&sent.xml().replacen("</Rule>", &more, 1)).unwrap()
    };
    let stranger = other.replace("pgcoffer-", "x-");
    for new in [&other, &stranger] {
        assert_eq!(sent.differences(&with(new), ours), [""; 0]);
        // nor is it taken away where ours have to go again
        let old = before.with_added(&with(new), &sent);
        assert_eq!(old.rules().len(), before.rules().len() + 1);
        assert!(old.xml().contains(new.as_str()));
    }
    // one without an id may be anything
    let nameless = "<Rule><Status>Enabled</Status></Rule>";
    assert_eq!(sent.differences(&with(nameless), ours).len(), 1);
    // what was there must not go, nor pass for new under another name
    let both = with(&other);
    assert_eq!(both.differences(&sent, ours).len(), 1);
    let renamed = Document::parse(&sent.xml().replacen("<ID>", "<ID>x", 1)).unwrap();
    assert_eq!(sent.differences(&renamed, ours).len(), 1);
    assert_eq!(before.with_added(&renamed, &sent), before);
}

#[test]
fn what_this_version_does_not_know_is_named() {
    let rule = |inside: &str| format!("<Rule><ID>x</ID><Status>Enabled</Status>{inside}</Rule>");
    for (xml, what) in [
        (rule("<Freeze/>"), "element Freeze in Rule"),
        (rule("<Filter><Color>red</Color></Filter>"), "element Color in Filter"),
        (
            rule("<Expiration kind=\"x\"><Days>1</Days></Expiration>"),
            "attribute kind of Expiration",
        ),
        (
            rule("<Expiration><Days>1</Days></Expiration><Expiration><Days>2</Days></Expiration>"),
            "more than one Expiration",
        ),
        (rule("stray"), "text in Rule"),
        (rule("<Days xmlns=\"urn:x\">1</Days>"), "Days"),
        ("<Note>x</Note>".to_owned(), "element Note outside of the rules"),
        ("stray".to_owned(), "text outside of the rules"),
    ] {
        let error = document(&xml).check_known().unwrap_err();
        assert!(error.to_string().contains(what), "{xml}: {error}");
    }
    let prefixed = "<a:LifecycleConfiguration \
        xmlns:a=\"http://s3.amazonaws.com/doc/2006-03-01/\"><a:Rule><a:ID>x</a:ID></a:Rule></a:LifecycleConfiguration>";
    let error = Document::parse(prefixed).unwrap().check_known();
    assert_eq!(
        error,
        Err(Error::Unknown(vec!["names from other namespaces".to_owned()]))
    );
}

#[test]
fn what_is_no_lifecycle_configuration_is_refused() {
    for xml in [
        "",
        "<ListBucketResult/>",
        "<LifecycleConfiguration>",
        "<!DOCTYPE x [<!ENTITY a \"b\">]><LifecycleConfiguration/>",
    ] {
        assert!(matches!(Document::parse(xml), Err(Error::Unreadable(_))), "{xml}");
    }
    assert!(Document::parse("<LifecycleConfiguration/>").unwrap().rules().is_empty());
}

#[test]
fn a_bucket_takes_no_more_than_a_thousand_rules() {
    let many = |count: usize| {
        let rules = (0..count).map(|n| format!("<Rule><ID>r{n}</ID><Status>Enabled</Status></Rule>"));
        document(&rules.collect::<String>())
    };
    assert!(many(RULES_MAX - 2).with(&wanted(30), ours).is_ok());
    let full = many(RULES_MAX - 1).with(&wanted(30), ours);
    assert_eq!(full, Err(Error::TooMany(RULES_MAX + 1)));
}

#[test]
fn rules_of_others_that_act_on_backups_are_known() {
    let acts = |filter: &str, action: &str, status: &str| {
        let rule = format!("<Rule><ID>x</ID>{filter}<Status>{status}</Status>{action}</Rule>");
        document(&rule).rules()[0].acts_below("backups/main/")
    };
    let days = "<Expiration><Days>1</Days></Expiration>";
    assert!(acts("<Filter/>", days, "Enabled"));
    assert!(acts("<Prefix>back</Prefix>", days, "Enabled"));
    assert!(acts(
        "<Filter><And><Prefix>backups/main/archives/</Prefix></And></Filter>",
        days,
        "Enabled"
    ));
    assert!(!acts("<Filter/>", days, "Disabled"));
    assert!(!acts("<Filter><Prefix>logs/</Prefix></Filter>", days, "Enabled"));
    let tagged = |key: &str| format!("<Filter><Tag><Key>{key}</Key><Value>x</Value></Tag></Filter>");
    assert!(acts(&tagged("pgcoffer:tier"), days, "Enabled"));
    assert!(!acts(&tagged("temporary"), days, "Enabled"));
    let moves = "<Transition><Days>0</Days><StorageClass>GLACIER</StorageClass></Transition>";
    assert!(acts("<Filter/>", moves, "Enabled"));
    assert!(!acts(
        "<Filter/>",
        "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
        "Enabled"
    ));
}

#[test]
fn rules_are_told_in_words() {
    let all = document(&THEIRS.concat());
    let words: Vec<String> = all
        .rules()
        .iter()
        .map(|rule| {
            format!(
                "{} {:?} [{}] {}",
                rule.name(),
                rule.prefix(),
                rule.further_filters(),
                rule.actions().join(" and ")
            )
        })
        .collect();
    assert_eq!(
        words,
        [
            "\"old & grey\" \"logs/\" [] delete on 2030-01-01T00:00:00.000Z",
            "\"odd\" \"a\\rb\" [tag k=ü, tag l=, below 5 bytes] move to STANDARD_IA after 30 days and move to GLACIER \
             after 90 days",
            "\"all\" \"\" [] delete noncurrent versions after 5 days beyond 2 newer",
        ]
    );
}

#[test]
fn ours_take_the_old_form_where_the_others_have_it() {
    let old = document(
        "<Rule><ID>x</ID><Prefix>tmp/</Prefix><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>",
    );
    let after = old.with(&wanted(30), ours).unwrap();
    assert!(!after.xml().contains("Filter"), "{}", after.xml());
    assert_eq!(after.rules()[1].prefix(), "backups/main/archives/monthly/");
    assert_eq!(after.with(&wanted(30), ours).unwrap(), after);
    // and the new one once the others are gone
    let alone = document(&after.rules()[1..].iter().map(|rule| rule.xml()).collect::<String>());
    assert!(
        alone
            .with(&wanted(30), ours)
            .unwrap()
            .xml()
            .contains("<Filter><Prefix>")
    );
}

/// By a parser that calls itself for each element this ends the process.
#[test]
fn a_document_without_bottom_is_unreadable() {
    let deep = "<LifecycleConfiguration>".to_owned() + &"<Rule>".repeat(1_000_000);
    assert!(matches!(Document::parse(&deep), Err(Error::Unreadable(_))));
    let closed = format!(
        "<LifecycleConfiguration>{}{}</LifecycleConfiguration>",
        "<Rule>".repeat(100_000),
        "</Rule>".repeat(100_000)
    );
    assert!(matches!(Document::parse(&closed), Err(Error::Unreadable(_))));
}

use super::*;

fn only_row(json: &str) -> Content {
    let body = format!(r#"{{"data":[{json}]}}"#);
    Page::parse(body.as_bytes()).unwrap().rows.remove(0).0
}

fn skill(json: &str) -> Skill {
    match only_row(json) {
        Content::Skill(skill) => *skill,
        Content::Rejected(row) => panic!("rejected: {}", row.reason),
    }
}

fn reason(json: &str) -> String {
    match only_row(json) {
        Content::Skill(skill) => panic!("accepted: {skill:?}"),
        Content::Rejected(row) => row.reason,
    }
}

fn named(skill: &Skill, name: &str) -> Field {
    let at = FIELDS.iter().position(|(known, _)| *known == name).unwrap();
    skill.fields[at].clone()
}

#[test]
fn the_places_of_fields_are_right() {
    assert_eq!(FIELDS[at::DESCRIPTION].0, "description");
    assert_eq!(FIELDS[at::REPO_URL].0, "repo_url");
    assert_eq!(FIELDS[at::TRUST_TIER].0, "trust_tier");
    assert_eq!(FIELDS[at::CREATED_AT].0, "created_at");
    assert_eq!(FIELDS[at::UPDATED_AT].0, "updated_at");
}

#[test]
fn absent_null_and_value_are_three_things() {
    let skill = skill(
        r#"{"id":"a","name":"n","description":null,"author":"é\u00e9","quality_score":0.1,
            "tags":["x", "\u00fc"],"stars":5.0,"installable":true,"unknown":{"deep":[1,2]}}"#,
    );
    assert_eq!(named(&skill, "description"), Field::Null);
    assert_eq!(named(&skill, "repo_url"), Field::Absent);
    assert_eq!(named(&skill, "author"), Field::Text("éé".into()));
    assert_eq!(named(&skill, "quality_score"), Field::Real(0.1));
    assert_eq!(named(&skill, "tags"), Field::Text(r#"["x","ü"]"#.into()));
    assert_eq!(named(&skill, "stars"), Field::Integer(5));
    assert_eq!(named(&skill, "installable"), Field::Integer(1));
}

#[test]
fn a_row_without_its_two_fields_is_rejected() {
    for (json, expected) in [
        (r#"{"name":"n"}"#, "it has no id"),
        (r#"{"id":null,"name":"n"}"#, "it has no id"),
        (r#"{"id":"","name":"n"}"#, "its id is empty"),
        (r#"{"id":7,"name":"n"}"#, "its id is not a text"),
        (r#"{"id":"a"}"#, "it has no name"),
        (r#"{"id":"a","name":null}"#, "it has no name"),
        (r#"{"id":"a","name":["n"]}"#, "its name is not a text"),
        (
            r#"{"id":"a\u0000b","name":"n"}"#,
            "its id is not free of NUL characters",
        ),
    ] {
        assert_eq!(reason(json), expected, "{json}");
    }
}

#[test]
fn what_is_no_object_is_rejected() {
    for json in ["null", "5", r#""text""#, "[]", "true"] {
        assert!(
            reason(json).contains("expected a skill"),
            "{json}: {}",
            reason(json)
        );
    }
}

#[test]
fn one_damaged_row_costs_one_row() {
    let good = r#"{"id":"good","name":"n"}"#;
    for bad in [
        r#"{"id":"bad","name":"\ud800"}"#,
        r#"{"id":"bad","name":"n","quality_score":1e999}"#,
        r#"{"id":"bad"}"#,
    ] {
        let body = format!(r#"{{"data":[{good},{bad},{good}],"meta":{{"total":3}}}}"#);
        let page = Page::parse(body.as_bytes()).unwrap();
        let kinds: Vec<bool> = page
            .rows
            .iter()
            .map(|row| matches!(row.0, Content::Skill(_)))
            .collect();
        assert_eq!(kinds, [true, false, true], "{bad}");
        assert_eq!(page.total, Some(3));
    }
}

#[test]
fn a_field_of_the_wrong_type_is_kept_as_invalid() {
    let nest = "[".repeat(500) + &"]".repeat(500);
    let skill = skill(&format!(
        r#"{{"id":"a","name":"n","description":5,"quality_score":1.5,"tags":"x","stars":1.5,
            "installable":"yes","author":"a\u0000","compatibility":{nest},"categories":{{"a":1}}}}"#
    ));
    for name in [
        "description",
        "quality_score",
        "tags",
        "stars",
        "installable",
        "author",
        "compatibility",
    ] {
        assert!(matches!(named(&skill, name), Field::Invalid(_)), "{name}");
    }
    assert_eq!(
        named(&skill, "categories"),
        Field::Text(r#"{"a":1}"#.into())
    );
}

#[test]
fn bytes_that_are_no_text_cost_their_row() {
    let mut body = br#"{"data":[{"id":"a","name":"good"},{"id":"b","name":"#.to_vec();
    body.extend(b"\"\xff\xfe\"}]}");
    let page = Page::parse(&body).unwrap();
    assert!(matches!(page.rows[0].0, Content::Skill(_)));
    assert!(matches!(&page.rows[1].0, Content::Rejected(row) if row.reason.contains("UTF-8")));
}

#[test]
fn meta_may_be_anything() {
    let meta = |json: &str| {
        let page = Page::parse(format!(r#"{{"data":[],"meta":{json}}}"#).as_bytes()).unwrap();
        (page.total, page.limit)
    };
    assert_eq!(
        meta(r#"{"total":7,"limit":100,"offset":0}"#),
        (Some(7), Some(100))
    );
    assert_eq!(meta(r#"{"total":7.0,"limit":null}"#), (Some(7), None));
    assert_eq!(meta(r#"{"total":-1,"limit":0}"#), (None, None));
    assert_eq!(meta(r#"{"total":"many"}"#), (None, None));
    assert_eq!(meta("null"), (None, None));
    assert_eq!(meta("\"x\""), (None, None));
}

#[test]
fn what_is_no_page_is_named() {
    let text = |body: &str| Page::parse(body.as_bytes()).unwrap_err().to_string();
    assert!(text("").contains("it is empty"));
    assert!(text("<html>Login</html>").ends_with("it is no JSON; it looks like a web page"));
    assert!(text("sk-live-1").ends_with(": it is no JSON"));
    for body in ["\"sk-live-1\"", "5", "[]", "null"] {
        assert!(text(body).ends_with("no page of skills: it is no object"));
    }
    assert!(text(r#"{"data":"sk-live-1"}"#).contains("invalid type: string, expected an array"));
    assert!(text(r#"{"data":"sk-\u006cive-1"}"#).contains("invalid type: string, expected"));
    assert!(text(r#"{"skills":[]}"#).contains("missing field `data`"));
    assert!(text(r#"{"data":null}"#).contains("no page of skills"));
    assert!(text(r#"{"data":[{"id":"a""#).contains("no JSON"));
    let many = format!(r#"{{"data":[{}0]}}"#, "0,".repeat(MAX_ROWS));
    assert!(text(&many).contains("more than 20000 rows"));
}

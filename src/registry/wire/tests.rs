use super::envelope::MAX_ROWS;
use super::*;
use crate::registry::field::{Field, FieldValue};

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

fn named(skill: &Skill, name: &str) -> FieldValue {
    skill.fields[Field::named(name).unwrap()].clone()
}

#[test]
fn each_field_has_a_name_of_its_own() {
    for (place, field) in Field::ALL.into_iter().enumerate() {
        assert_eq!(field as usize, place);
        assert_eq!(Field::named(field.name()), Some(field));
    }
}

#[test]
fn absent_null_and_value_are_three_things() {
    let skill = skill(
        r#"{"id":"a","name":"n","description":null,"author":"é\u00e9","quality_score":0.1,
            "tags":["x", "\u00fc"],"stars":5.0,"installable":true,"unknown":{"deep":[1,2]}}"#,
    );
    assert_eq!(named(&skill, "description"), FieldValue::Null);
    assert_eq!(named(&skill, "repo_url"), FieldValue::Absent);
    assert_eq!(named(&skill, "author"), FieldValue::Text("éé".into()));
    assert_eq!(named(&skill, "quality_score"), FieldValue::Real(0.1));
    assert_eq!(
        named(&skill, "tags"),
        FieldValue::Text(r#"["x","ü"]"#.into())
    );
    assert_eq!(named(&skill, "stars"), FieldValue::Integer(5));
    assert_eq!(named(&skill, "installable"), FieldValue::Integer(1));
}

#[test]
fn a_list_has_one_text_however_it_is_served() {
    let lists = [
        "[]",
        "[ ]",
        r#"[""]"#,
        r#"["a","b c","[1, 2]",",","{}"]"#,
        "[\"\u{7f}\u{2028}\u{1f600}\"]",
        r#"["a", "b"]"#,
        "[\n  \"a\"\n]",
        r#"["\u0061","\"","\\"]"#,
        r#"[["a"],[]]"#,
        r#"["a",1.50,null,true]"#,
        r#"[{"b":1,"a":2}]"#,
    ];
    for list in lists {
        let row = skill(&format!(r#"{{"id":"a","name":"n","tags":{list}}}"#));
        let expected: serde_json::Value = serde_json::from_str(list).unwrap();
        assert_eq!(
            named(&row, "tags"),
            FieldValue::Text(expected.to_string()),
            "{list}"
        );
    }
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
        r#"{"id":"bad","name":5}"#,
        r#"{"id":"bad","name":1e999}"#,
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
        assert!(
            matches!(named(&skill, name), FieldValue::Invalid(_)),
            "{name}"
        );
    }
    assert_eq!(
        named(&skill, "categories"),
        FieldValue::Text(r#"{"a":1}"#.into())
    );
}

#[test]
fn promise_5_half_a_character_is_replaced() {
    let halves = [
        r"a\ud83d",
        r"a\udE00",
        r"a\uD83D!",
        r"a\ud83d\n",
        r"a\ud83d\ud83d",
        r"a\ud83d\u0041",
        r"a\udc00\ud800",
    ];
    for half in halves {
        let at_its_end = half.len() == 7;
        for json in [
            format!(r#"{{"id":"{half}","name":"n"}}"#),
            format!(r#"{{"id":"x","name":"{half}"}}"#),
            format!(r#"{{"id":"x","name":"n","description":"{half}"}}"#),
            format!(r#"{{"id":"x","name":"n","tags":["{half}"]}}"#),
            format!(r#"{{"id":"x","name":"n","compatibility":{{"{half}":["{half}"]}}}}"#),
        ] {
            let skill = skill(&json);
            assert!(skill.mended && skill.holds('\u{fffd}'), "{json}: {skill:?}");
            assert!(!at_its_end || skill.holds('a'), "{json}: {skill:?}");
        }
        // These are ignored.
        for json in [
            format!(r#"{{"id":"x","name":"n","{half}":1}}"#),
            format!(r#"{{"id":"x","name":"n","unknown":["{half}"]}}"#),
        ] {
            assert!(!skill(&json).mended, "{json}");
        }
    }
    let name = |json: &str| skill(&format!(r#"{{"id":"x","name":"{json}"}}"#)).name;
    assert_eq!(name(r"a\ud83d\ud83d\ude00\ude00b"), "a\u{fffd}😀\u{fffd}b");
    assert_eq!(name(r"\\ud83d \\\ud83d"), "\\ud83d \\\u{fffd}");
    let whole = skill(r#"{"id":"x","name":"\ud83d\ude00 \ufffd \u00e9"}"#);
    assert!(!whole.mended && whole.name == "😀 \u{fffd} é", "{whole:?}");
}

#[test]
fn promise_5_half_a_character_beside_the_rows_costs_nothing() {
    let page = Page::parse(
        br#"{"\ud83d":"\ud83d","data":[{"id":"a","name":"n"}],"meta":{"\ud83d":"\ude00","total":7}}"#,
    )
    .unwrap();
    assert_eq!((page.rows.len(), page.total), (1, Some(7)));
}

#[test]
fn promise_5_a_backslash_before_u0000_is_no_nul() {
    let tags = |json: &str| {
        named(
            &skill(&format!(r#"{{"id":"a","name":"n","tags":{json}}}"#)),
            "tags",
        )
    };
    for json in [r#"["\\u0000"]"#, r#"["\u0000"]"#, r#"{"\u0000":"\\u0000"}"#] {
        assert_eq!(tags(json), FieldValue::Text(json.into()));
    }
    let skill = skill(r#"{"id":"a","name":"\\u0000","author":"\\u0000"}"#);
    assert_eq!(skill.name, "\\u0000");
}

#[test]
fn promise_5_a_number_that_no_type_holds_is_a_wrong_field() {
    let long = "9".repeat(400);
    for number in [
        "1e999",
        "-1e999",
        "18446744073709551616",
        &long,
        "1e-400",
        "-0",
        "-0.0",
        "1E+2",
    ] {
        let json = format!(
            r#"{{"id":"a","name":"n","stars":{number},"quality_score":{number},"installable":{number},
                "description":{number},"security_score":{number},"unknown":{number}}}"#
        );
        let skill = skill(&json);
        assert!(
            matches!(named(&skill, "description"), FieldValue::Invalid(_)),
            "{number}"
        );
    }
    let real = |json: &str, field| {
        named(
            &skill(&format!(r#"{{"id":"a","name":"n","{field}":{json}}}"#)),
            field,
        )
    };
    assert_eq!(real("1e2", "stars"), FieldValue::Integer(100));
    assert_eq!(real("-0", "stars"), FieldValue::Integer(0));
    assert_eq!(
        real("9007199254740993", "stars"),
        FieldValue::Integer(9_007_199_254_740_993)
    );
    assert_eq!(
        real("9223372036854775807", "stars"),
        FieldValue::Integer(i64::MAX)
    );
    for json in ["9223372036854775808", "1e300", "1.5", "1e999"] {
        assert_eq!(
            real(json, "stars"),
            FieldValue::Invalid("a whole number"),
            "{json}"
        );
    }
    for (json, bits) in [
        ("-0", 0.0_f64),
        ("-0.0", 0.0),
        ("1e-400", 0.0),
        ("5e-1", 0.5),
    ] {
        let FieldValue::Real(score) = real(json, "quality_score") else {
            panic!("{json}");
        };
        assert_eq!(score.to_bits(), bits.to_bits(), "{json}");
    }
}

#[test]
fn promise_5_a_number_that_json_does_not_have_costs_its_row() {
    let page = Page::parse(
        br#"{"data":[{"id":"a","name":"NaN","quality_score":NaN,"unknown":-Infinity},
             {"id":"b","name":"n","unknown":Infinity}],"meta":{"total":2,"took":NaN}}"#,
    )
    .unwrap();
    let Content::Skill(skill) = &page.rows[0].0 else {
        panic!("{page:?}");
    };
    assert_eq!(skill.name, "NaN");
    assert_eq!(
        named(skill, "quality_score"),
        FieldValue::Invalid("a number from 0 to 1")
    );
    assert!(matches!(page.rows[1].0, Content::Skill(_)));
    assert_eq!(page.total, Some(2));
}

#[test]
fn promise_5_deep_nesting_costs_at_most_its_row() {
    for depth in [127, 200, 100_000] {
        let deep = "[".repeat(depth) + &"]".repeat(depth);
        let objects = r#"{"a":"#.repeat(depth) + "1" + &"}".repeat(depth);
        for value in [&deep, &objects] {
            let skill = skill(&format!(
                r#"{{"id":"a","name":"n","unknown":{value},"author":{value},"tags":{value}}}"#
            ));
            assert!(matches!(named(&skill, "author"), FieldValue::Invalid(_)));
        }
        let page = Page::parse(
            format!(r#"{{"data":[{deep},{{"id":"a","name":"n"}},{{"id":{deep},"name":"n"}}],"x":{deep},"meta":{{"x":{deep},"total":3}}}}"#).as_bytes(),
        )
        .unwrap();
        let good = |row: &Row| matches!(row.0, Content::Skill(_));
        assert_eq!(
            page.rows.iter().map(good).collect::<Vec<_>>(),
            [false, true, false]
        );
        assert_eq!(page.total, Some(3));
    }
}

#[test]
fn promise_5_of_a_name_that_is_there_twice_the_last_counts() {
    let skill = skill(
        r#"{"id":"first","name":1e999,"tags":5,"stars":1,"id":"last","name":"n","tags":["x"],"stars":2,
            "categories":{"a":1,"a":2}}"#,
    );
    assert_eq!((&*skill.id, &*skill.name), ("last", "n"));
    assert_eq!(named(&skill, "tags"), FieldValue::Text(r#"["x"]"#.into()));
    assert_eq!(named(&skill, "stars"), FieldValue::Integer(2));
    assert_eq!(
        named(&skill, "categories"),
        FieldValue::Text(r#"{"a":2}"#.into())
    );
    let page = Page::parse(
        br#"{"data":[],"meta":{"total":1},"data":[{"id":"a","name":"n"}],"meta":{"total":2,"total":3}}"#,
    )
    .unwrap();
    assert_eq!((page.rows.len(), page.total), (1, Some(3)));
}

#[test]
fn promise_5_a_byte_order_mark_is_no_text() {
    let page = Page::parse("\u{feff}{\"data\":[{\"id\":\"a\",\"name\":\"n\"}]}".as_bytes());
    assert_eq!(page.unwrap().rows.len(), 1);
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
    assert!(
        text("<html>Login</html>")
            .ends_with("it looks like a web page, such as the sign-in of this network")
    );
    assert!(text("sk-live-1").ends_with(": it is not JSON"));
    for body in ["\"sk-live-1\"", "5", "[]", "null"] {
        assert!(text(body).ends_with("not a page of skills: it is not an object"));
    }
    assert!(text(r#"{"data":"sk-live-1"}"#).contains("invalid type: string, expected an array"));
    assert!(text(r#"{"data":"sk-\u006cive-1"}"#).contains("invalid type: string, expected"));
    assert!(text(r#"{"skills":[]}"#).contains("missing field `data`"));
    assert!(text(r#"{"data":null}"#).contains("not a page of skills"));
    assert!(text(r#"{"data":[{"id":"a""#).contains("not JSON"));
    let many = format!(r#"{{"data":[{}0]}}"#, "0,".repeat(MAX_ROWS));
    assert!(text(&many).contains("more than 20000 rows"));
}

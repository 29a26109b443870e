//! How answers look: a table, a wider table, JSON, YAML.

use anyhow::Result;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// The columns that matter most
    Table,
    /// All columns
    Wide,
    /// As the API says it
    Json,
    /// The same as YAML
    Yaml,
}

/// Something with columns.
pub trait Row {
    /// Its columns, in order.
    const COLUMNS: &'static [Column];
    /// One text per column; empty where there is nothing.
    fn cells(&self, names: &dyn Names) -> Vec<String>;
}

/// A heading, and when it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// In every table.
    Always(&'static str),
    /// In wide tables and details only.
    Wide(&'static str),
}

impl Column {
    const fn heading(self) -> &'static str {
        match self {
            Self::Always(heading) | Self::Wide(heading) => heading,
        }
    }
}

/// Knows the names that belong to ids.
pub trait Names {
    /// The name, or the id itself where there is none.
    fn name(&self, id: &str) -> String;

    /// The same of an id that may be absent.
    fn name_of_any(&self, id: Option<&str>) -> String {
        id.map(|id| self.name(id)).unwrap_or_default()
    }
}

/// Many, one row each.
pub fn all<T: Row + Serialize>(format: Format, items: &[T], names: &dyn Names) -> Result<String> {
    Ok(match format {
        Format::Json => json(&items)?,
        Format::Yaml => serde_yaml_ng::to_string(&items)?,
        Format::Table | Format::Wide => table(format == Format::Wide, items, names),
    })
}

/// One, as a table with one row.
pub fn one<T: Row + Serialize>(format: Format, item: &T, names: &dyn Names) -> Result<String> {
    match format {
        Format::Json => json(item),
        Format::Yaml => Ok(serde_yaml_ng::to_string(item)?),
        Format::Table | Format::Wide => all(format, std::slice::from_ref(item), names),
    }
}

/// One, a line per column.
pub fn details<T: Row + Serialize>(format: Format, item: &T, names: &dyn Names) -> Result<String> {
    if let Format::Json | Format::Yaml = format {
        return one(format, item, names);
    }
    let width = T::COLUMNS.iter().map(|column| column.heading().len()).max().unwrap_or_default();
    let lines = T::COLUMNS.iter().zip(item.cells(names)).map(|(column, cell)| {
        let label = capitalised(column.heading());
        format!("{}\n", format!("{:<1$}  {2}", format!("{label}:"), width + 1, or_dash(cell)).trim_end())
    });
    Ok(lines.collect())
}

/// JSON as a person can read it, with a line end.
pub fn json(value: &impl Serialize) -> Result<String> {
    Ok(format!("{}\n", serde_json::to_string_pretty(value)?))
}

fn table<T: Row>(wide: bool, items: &[T], names: &dyn Names) -> String {
    let is_shown = |column: &Column| wide || matches!(column, Column::Always(_));
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(T::COLUMNS.iter().filter(|column| is_shown(column)).map(|column| column.heading()));
    for item in items {
        let cells = T::COLUMNS.iter().zip(item.cells(names));
        table.add_row(cells.filter(|(column, _)| is_shown(column)).map(|(_, cell)| or_dash(cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A dash where there is nothing, so that columns can be counted.
fn or_dash(cell: String) -> String {
    match cell.is_empty() {
        true => "-".into(),
        false => cell.replace(['\n', '\t'], " "),
    }
}

/// `HOST NAME` as `Host name`.
fn capitalised(heading: &str) -> String {
    let lower = heading.to_lowercase();
    match lower.as_str() {
        "id" | "vpc" | "vip" | "eip" | "mac" | "mtu" | "vni" | "cidr" => heading.to_owned(),
        _ => lower[..1].to_uppercase() + &lower[1..],
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Knows one name.
    pub struct FakeNames;
    impl Names for FakeNames {
        fn name(&self, id: &str) -> String {
            id.replace("subnet-aaaaaaaaaaaaaaaaaaaa", "web")
        }
    }

    #[derive(Serialize)]
    struct Fruit {
        name: &'static str,
        origin: &'static str,
    }

    impl Row for Fruit {
        const COLUMNS: &'static [Column] =
            &[Column::Always("NAME"), Column::Wide("ORIGIN"), Column::Always("ID")];
        fn cells(&self, _: &dyn Names) -> Vec<String> {
            vec![self.name.into(), self.origin.into(), String::new()]
        }
    }

    const FRUIT: [Fruit; 2] = [Fruit { name: "apple", origin: "Almaty" }, Fruit { name: "fig", origin: "" }];

    #[test]
    fn a_table_has_the_columns_that_matter_and_a_dash_for_nothing() {
        assert_eq!(all(Format::Table, &FRUIT, &FakeNames).unwrap(), "NAME    ID\napple   -\nfig     -\n");
    }

    #[test]
    fn a_wide_table_has_all_columns() {
        assert_eq!(
            all(Format::Wide, &FRUIT, &FakeNames).unwrap(),
            "NAME    ORIGIN   ID\napple   Almaty   -\nfig     -        -\n"
        );
    }

    #[test]
    fn an_empty_table_still_has_its_headings() {
        assert_eq!(all::<Fruit>(Format::Table, &[], &FakeNames).unwrap(), "NAME   ID\n");
    }

    #[test]
    fn details_are_a_line_per_column() {
        assert_eq!(
            details(Format::Table, &FRUIT[0], &FakeNames).unwrap(),
            "Name:    apple\nOrigin:  Almaty\nID:      -\n"
        );
    }

    #[test]
    fn json_and_yaml_are_the_shape_itself() {
        assert_eq!(
            one(Format::Json, &FRUIT[0], &FakeNames).unwrap(),
            "{\n  \"name\": \"apple\",\n  \"origin\": \"Almaty\"\n}\n"
        );
        assert_eq!(all(Format::Json, &FRUIT[..0], &FakeNames).unwrap(), "[]\n");
        assert_eq!(one(Format::Yaml, &FRUIT[0], &FakeNames).unwrap(), "name: apple\norigin: Almaty\n");
    }
}

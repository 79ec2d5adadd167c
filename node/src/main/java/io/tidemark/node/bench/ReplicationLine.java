package io.tidemark.node.bench;

import io.tidemark.node.json.Json;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A finished row of the replication benchmark. */
public final class ReplicationLine {
  private final String name;
  private final String about;
  private final String unit;
  private final List<Figure> figures = new ArrayList<>();
  private final Map<String, Object> values = new LinkedHashMap<>();

  /** One line of text below the row. */
  public record Figure(String label, String text) {}

  ReplicationLine(ReplicationRow row) {
    this.name = row.name();
    this.about = row.about();
    this.unit = row.unit();
  }

  ReplicationLine rounds(String label, List<BenchRound> rounds) {
    BenchResult result = BenchResult.of(rounds);
    figures.add(new Figure(label, BenchText.of(unit, result)));
    values.put(label, result.toJson());
    return this;
  }

  ReplicationLine number(String label, double value) {
    figures.add(new Figure(label, String.format(Locale.ROOT, "%.2f", value)));
    values.put(label, value);
    return this;
  }

  ReplicationLine text(String label, String text, Object value) {
    figures.add(new Figure(label, text));
    values.put(label, value);
    return this;
  }

  public String name() {
    return name;
  }

  public String about() {
    return about;
  }

  /** What a rate of it counts. */
  public String unit() {
    return unit;
  }

  public List<Figure> figures() {
    return List.copyOf(figures);
  }

  public Map<String, Object> json() {
    return Json.object("name", name, "about", about, "unit", unit, "figures", values);
  }
}

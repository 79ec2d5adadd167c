package io.tidemark.node.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.node.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** deploy/grafana/tidemark.json shows what the node has. */
class DashboardTest {
  private static final Pattern METRIC = Pattern.compile("tidemark_[a-z_]+");
  private static final Pattern TYPE = Pattern.compile("(?m)^# TYPE (\\S+) (\\S+)$");

  @TempDir Path dir;

  private static String dashboard() throws IOException {
    return Files.readString(Path.of("../deploy/grafana/tidemark.json"));
  }

  /** Names that can be asked for, with the parts of histograms. */
  private Set<String> metrics() {
    FakeNode node = new FakeNode(dir);
    node.put("app.db", new byte[4096]);
    Set<String> names = new TreeSet<>();
    Matcher type = TYPE.matcher(Metrics.text(node));
    while (type.find()) {
      names.add(type.group(1));
      if (type.group(2).equals("histogram")) {
        names.addAll(
            List.of(type.group(1) + "_bucket", type.group(1) + "_sum", type.group(1) + "_count"));
      }
    }
    return names;
  }

  @Test
  void everyMetricThatItShowsExists() throws IOException {
    Set<String> shown = new TreeSet<>();
    for (Matcher found = METRIC.matcher(dashboard()); found.find(); ) {
      shown.add(found.group());
    }
    assertThat(shown).hasSizeGreaterThan(15);
    assertThat(metrics()).containsAll(shown);
  }

  @Test
  void everyHistogramIsShownAndThePanelsAreApart() throws IOException {
    Map<?, ?> root = (Map<?, ?>) Json.parse(dashboard());
    List<?> panels = (List<?>) root.get("panels");
    assertThat(metrics().stream().filter(name -> name.endsWith("_bucket")))
        .hasSize(4)
        .allSatisfy(name -> assertThat(dashboard()).contains(name));
    Set<Object> ids =
        panels.stream().map(p -> ((Map<?, ?>) p).get("id")).collect(Collectors.toSet());
    Set<Object> places =
        panels.stream().map(p -> ((Map<?, ?>) p).get("gridPos")).collect(Collectors.toSet());
    assertThat(ids).hasSameSizeAs(panels);
    assertThat(places).hasSameSizeAs(panels);
  }
}

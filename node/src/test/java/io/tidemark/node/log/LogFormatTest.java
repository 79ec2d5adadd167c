package io.tidemark.node.log;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.node.json.Json;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.event.Level;

class LogFormatTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  private Logger logger(Level lowest) {
    return new JsonLogger("a.B", new PrintStream(bytes, true, StandardCharsets.UTF_8), lowest);
  }

  private List<Map<?, ?>> lines() {
    return bytes
        .toString(StandardCharsets.UTF_8)
        .lines()
        .<Map<?, ?>>map(line -> (Map<?, ?>) Json.parse(line))
        .toList();
  }

  @Test
  void eachLineIsOneObject() {
    logger(Level.INFO).info("mounted {} in {} ms", "/x", 7);
    logger(Level.INFO).warn("second");
    assertThat(lines()).hasSize(2);
    assertThat(lines().get(0).get("msg")).isEqualTo("mounted /x in 7 ms");
    assertThat(lines().get(0).get("level")).isEqualTo("info");
    assertThat(lines().get(0).get("logger")).isEqualTo("a.B");
    assertThat(Instant.parse((String) lines().get(0).get("time"))).isBeforeOrEqualTo(Instant.now());
    assertThat(lines().get(1).get("level")).isEqualTo("warn");
  }

  @Test
  void strangeCharactersStayValid() {
    String strange = "quote \" slash \\ line\nreturn\r tab\t zero\0 bell\7 é 漢 \u2028 \ud800 x";
    logger(Level.INFO).info("{}", strange);
    assertThat(lines()).hasSize(1);
    assertThat((String) lines().get(0).get("msg")).isEqualTo(strange);
  }

  @Test
  void exceptionsAreFieldsOnTheSameLine() {
    Exception cause = new IllegalStateException("inner \"x\"\nsecond");
    logger(Level.INFO).error("failed {}", 1, new RuntimeException("outer", cause));
    assertThat(lines()).hasSize(1);
    assertThat((String) lines().get(0).get("error")).contains("outer");
    assertThat((String) lines().get(0).get("stack"))
        .contains("Caused by: java.lang.IllegalStateException: inner \"x\"")
        .contains("LogFormatTest");
  }

  @Test
  void levelsBelowTheLowestAreLeftOut() {
    logger(Level.INFO).debug("no");
    logger(Level.DEBUG).debug("yes");
    logger(Level.DEBUG).trace("no");
    assertThat(lines()).hasSize(1);
  }
}

package io.tidemark.node.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  @Test
  void valuesSurviveWritingAndParsing() {
    Map<String, Object> value =
        Json.object(
            "text",
            "a\"b\\c\u0001\n",
            "number",
            12L,
            "none",
            null,
            "list",
            Arrays.asList(true, false, null, List.of(), Map.of()));
    assertThat(Json.parse(Json.write(value))).isEqualTo(value);
  }

  @Test
  void numbersThatJsonDoesNotHaveBecomeNull() {
    assertThat(Json.write(List.of(Double.NaN, Double.POSITIVE_INFINITY, 1.5)))
        .isEqualTo("[null,null,1.5]");
  }

  @Test
  void escapesAreUnderstood() {
    assertThat(Json.parse(" \"\\u00e9\\/\\b\\f\\n\\r\\t\" ")).isEqualTo("é/\b\f\n\r\t");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "\"\\x\"",
        "\"a",
        "01",
        "1.",
        "+1",
        "tru",
        "1 2",
        "\"\\u12g4\"",
        "\"\n\"",
        "nul",
        "-"
      })
  void otherTextIsRefusedInOneLine(String text) {
    assertThatThrownBy(() -> Json.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("not JSON: ")
        .hasMessageNotContaining("\n");
  }

  @Test
  void depthIsLimited() {
    assertThatThrownBy(() -> Json.parse("[".repeat(100_000)))
        .isInstanceOf(IllegalArgumentException.class);
  }
}

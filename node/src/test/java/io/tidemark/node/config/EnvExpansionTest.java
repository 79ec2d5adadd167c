package io.tidemark.node.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EnvExpansionTest {
  private static final Map<String, String> ENV =
      Map.of("X", "y", "REGION", "fra", "HOME_REGION", "fra");

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '"',
      value = {
        "$X, y",
        "a: $X/z, a: y/z",
        "${X}, y",
        "${ X }, y",
        "[${UNSET}], []",
        "[$UNSET], []",
        "${X == 'y'}, true",
        "${X == 'n'}, false",
        "${X != 'y'}, false",
        "${X != 'n'}, true",
        "${REGION == HOME_REGION}, true",
        "${REGION != HOME_REGION}, false",
        "${UNSET == ''}, true",
        "cost: 5$, cost: 5$",
        "$$X, $X",
        "$1, $1",
        "no reference, no reference",
      })
  void referencesBecomeValues(String text, String expanded) {
    assertThat(EnvExpansion.expand(text, ENV)).isEqualTo(expanded);
  }

  @org.junit.jupiter.api.Test
  void doubleQuotesCompareToo() {
    assertThat(EnvExpansion.expand("${X == \"y\"}", ENV)).isEqualTo("true");
  }

  @org.junit.jupiter.api.Test
  void valuesAreNotExpandedAgain() {
    assertThat(EnvExpansion.expand("$A", Map.of("A", "$B \\ ${B}", "B", "no")))
        .isEqualTo("$B \\ ${B}");
  }
}

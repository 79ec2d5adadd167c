package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ApplyWayTest {
  @ParameterizedTest
  @CsvSource({
    // drop, opened, walInUse, renumbers, framesPossible, overdue
    "true,  true,  true,  false, true,  false, DROP",
    "true,  true,  false, false, true,  true,  DROP",
    "true,  false, false, false, true,  false, DROP",
    "false, false, false, false, true,  false, UNOPENED",
    "false, false, true,  true,  false, true,  UNOPENED",
    "false, true,  false, false, true,  false, EXCLUSIVE",
    "false, true,  false, true,  false, false, EXCLUSIVE",
    "false, true,  false, false, true,  true,  NEW_INCARNATION",
    "false, true,  true,  false, true,  false, FRAMES",
    "false, true,  true,  true,  true,  false, NEW_INCARNATION",
    "false, true,  true,  false, false, false, NEW_INCARNATION",
    "false, true,  true,  false, true,  true,  NEW_INCARNATION",
  })
  void theWayFollowsFromWhatIsThere(
      boolean drop,
      boolean opened,
      boolean walInUse,
      boolean renumbers,
      boolean framesPossible,
      boolean overdue,
      ApplyWay expected) {
    ApplyWay.Scene scene =
        new ApplyWay.Scene(drop, opened, walInUse, renumbers, framesPossible, overdue);
    assertThat(ApplyWay.choose(scene)).isEqualTo(expected);
  }
}

package io.tidemark.lease;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class StoredTest {
  private static Stored at(String incarnation, long number) {
    return new Stored(
        Optional.of(new StoredRecord("text", new Revision(incarnation, number))), Optional.empty());
  }

  private static final Stored ABSENT = new Stored(Optional.empty(), Optional.empty());

  @Test
  void theSameOrALaterRevisionIsNoRegression() {
    assertThat(at("a", 7).regressionSince(at("a", 7))).isEmpty();
    assertThat(at("a", 8).regressionSince(at("a", 7))).isEmpty();
    assertThat(at("a", 8).regressionSince(ABSENT)).isEmpty();
    assertThat(ABSENT.regressionSince(ABSENT)).isEmpty();
  }

  @Test
  void whatWasThereAndIsGoneIsSaid() {
    assertThat(ABSENT.regressionSince(at("a", 7)).orElseThrow()).contains("gone").contains("7");
  }

  @Test
  void aSmallerRevisionIsSaidWithBoth() {
    assertThat(at("a", 6).regressionSince(at("a", 7)).orElseThrow())
        .contains("6 of a")
        .contains("7 of a");
  }

  @Test
  void anotherIncarnationIsSaidEvenIfItsNumberIsGreater() {
    assertThat(at("b", 9).regressionSince(at("a", 7)).orElseThrow()).contains("another store");
  }
}

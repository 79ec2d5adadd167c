package io.tidemark.lease;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LeaseTimesTest {
  @ParameterizedTest
  @CsvSource({
    "10000, 2000, 2000",
    "60000, 12000, 12000",
    "5000, 1000, 1000",
    "3000, 600, 1000",
    "2000, 400, 1000",
    "1000, 200, 500"
  })
  void theMarginIsAFifthAtLeastASecondAtMostTheHalf(long ttl, long every, long margin) {
    LeaseTimes times = LeaseTimes.of(Duration.ofMillis(ttl));

    assertThat(times.renewEvery()).isEqualTo(Duration.ofMillis(every));
    assertThat(times.timeout()).isEqualTo(Duration.ofMillis(every));
    assertThat(times.margin()).isEqualTo(Duration.ofMillis(margin));
    assertThat(times.deadline(5)).isEqualTo(5 + Duration.ofMillis(ttl - margin).toNanos());
  }

  @Test
  void aTtlOfNothingIsRefused() {
    assertThatThrownBy(() -> LeaseTimes.of(Duration.ZERO))
        .isInstanceOf(IllegalArgumentException.class);
  }
}

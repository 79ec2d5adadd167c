package io.tidemark.stream.receive;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PrimaryAddressTest {
  @ParameterizedTest
  @CsvSource({
    "http://a.example:80, false, a.example, 80, a.example:80",
    "https://a.example:443/, true, a.example, 443, a.example:443",
    "http://10.0.0.1, false, 10.0.0.1, 20202, 10.0.0.1:20202",
    "http://[::1]:9, false, ::1, 9, [::1]:9",
  })
  void aUrlSaysWhereThePrimaryIs(String url, boolean tls, String host, int port, String authority) {
    PrimaryAddress address = PrimaryAddress.parse(url, "secret");
    assertThat(address).isEqualTo(new PrimaryAddress(tls, host, port, "secret"));
    assertThat(address).hasToString(authority);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a.example:80", "ftp://a.example", "http://", "http://a b"})
  void whatIsNoAddressIsNamed(String url) {
    assertThatThrownBy(() -> PrimaryAddress.parse(url, null))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'" + url + "'");
  }

  @Test
  void theTokenIsNotShown() {
    assertThat(PrimaryAddress.parse("http://a.example:1", "secret").toString())
        .doesNotContain("secret");
  }
}

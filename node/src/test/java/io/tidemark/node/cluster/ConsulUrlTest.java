package io.tidemark.node.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ConsulUrlTest {
  @Test
  void tokenAndPrefixAreTakenOutOfTheUrl() {
    assertThat(ConsulUrl.parse("https://:tok-1@consul.example/team-1/shop-ab/"))
        .isEqualTo(
            new ConsulUrl(
                URI.create("https://consul.example"), "team-1/shop-ab/", Optional.of("tok-1")));
    assertThat(ConsulUrl.parse("http://127.0.0.1:8500"))
        .isEqualTo(new ConsulUrl(URI.create("http://127.0.0.1:8500"), "", Optional.empty()));
    assertThat(ConsulUrl.parse("http://[::1]:8500/"))
        .isEqualTo(new ConsulUrl(URI.create("http://[::1]:8500"), "", Optional.empty()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "consul:8500", "ftp://:s3cret@consul", "http://:s3cret@", "a b s3cret"})
  void whatIsNoUrlIsRefusedWithoutShowingIt(String text) {
    assertThatThrownBy(() -> ConsulUrl.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("lease.consul.url")
        .hasMessageNotContaining("s3cret");
  }
}

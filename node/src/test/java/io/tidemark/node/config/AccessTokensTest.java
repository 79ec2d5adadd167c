package io.tidemark.node.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AccessTokensTest {
  @TempDir Path dir;

  private NodeConfig load(String http) throws Exception {
    return load(http, "type: static");
  }

  private NodeConfig load(String http, String lease) throws Exception {
    String text =
        "fuse: {dir: /mnt/x}\ndata: {dir: /var/x}\nlease: {" + lease + "}\nhttp: {" + http + "}\n";
    return new ConfigLoader(Map.of("SECRET", "s3cret"), line -> {})
        .load(Files.writeString(dir.resolve("tidemark.yml"), text), true, Map.of());
  }

  @Test
  void tokensHaveRoles() throws Exception {
    NodeConfig.Http http =
        load("token: all, tokens: [{token: $SECRET, role: read}, {role: replicate, token: node}]")
            .http();
    assertThat(http.tokens())
        .containsExactly(
            new AccessToken("all", AccessRole.ADMIN),
            new AccessToken("s3cret", AccessRole.READ),
            new AccessToken("node", AccessRole.REPLICATE));
    assertThat(http.token()).isEqualTo("node");
  }

  @Test
  void anyTokenGuardsAnOpenPort() throws Exception {
    assertThat(load("addr: ':20202', tokens: [{token: x, role: read}]").http().token()).isNull();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "tokens: x | takes a list",
        "tokens: [] | takes a list",
        "tokens: [x] | is a map, such as",
        "tokens: [{token: x}] | has no role",
        "tokens: [{role: read}] | has no token",
        "tokens: [{token: '$UNSET', role: read}] | has no token",
        "tokens: [{token: x, role: root}] | must be one of read, replicate, admin, not 'root'",
        "tokens: [{token: x, roles: read}] | Did you mean http.tokens.role?",
      })
  void tokensThatAreNoneAreRefused(String http, String says) {
    assertThatThrownBy(() -> load(http))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("tidemark.yml line 4")
        .hasMessageContaining(says);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "type: etcd, advertise-url: 'http://a:1', etcd: {endpoints: [a]}",
        "candidate: false, advertise-url: 'http://a:1'"
      })
  void aNodeThatFollowsNeedsATokenThatReplicates(String lease) throws Exception {
    assertThatThrownBy(() -> load("tokens: [{token: x, role: read}]", lease))
        .hasMessageContaining("role replicate");
    assertThat(load("tokens: [{token: x, role: admin}]", lease).http().token()).isEqualTo("x");
  }
}

package io.tidemark.node.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.node.config.ConfigLoader.Flag;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files as people have them who come from LiteFS. */
class LitefsFileTest {
  private static final Path SAMPLES =
      Path.of("src/test/resources/io/tidemark/node/config/litefs").toAbsolutePath();

  @TempDir Path dir;
  private final List<String> warnings = new ArrayList<>();
  private final Map<String, String> env =
      new HashMap<>(
          Map.of(
              "HOSTNAME",
              "shop-1",
              "FLY_APP_NAME",
              "shop",
              "FLY_REGION",
              "ams",
              "PRIMARY_REGION",
              "ams",
              "FLY_CONSUL_URL",
              "https://:secret@consul.example/team-1/"));

  private NodeConfig read(String sample) throws Exception {
    return load(Files.readString(SAMPLES.resolve(sample)), Map.of());
  }

  private NodeConfig load(String text, Map<String, Flag> flags) throws Exception {
    Path file = Files.writeString(dir.resolve("litefs.yml"), text);
    return new ConfigLoader(env, warnings::add).load(file, true, flags);
  }

  @Test
  void theUsualFileOfAnElectedClusterNeedsOnlyASecret() throws Exception {
    env.put("TIDEMARK_TOKEN", "s3cret");
    NodeConfig config = read("elected.yml");
    assertThat(warnings).isEmpty();
    assertThat(config.http().addr()).isEqualTo(new HostPort("", 20202));
    assertThat(config.http().token()).isEqualTo("s3cret");
    assertThat(config.fuse().dir()).isEqualTo(Path.of("/litefs"));
    assertThat(config.exitOnError()).isFalse();
    assertThat(config.exec())
        .containsExactly(
            new ExecStep(List.of("bin/shop", "migrate"), true),
            new ExecStep(List.of("bin/shop", "serve", "--listen", ":8081"), false));
    NodeConfig.Lease lease = config.lease();
    assertThat(lease.type()).isEqualTo("consul");
    assertThat(lease.advertiseUrl()).isEqualTo("http://shop-1.vm.shop.internal:20202");
    assertThat(lease.candidate()).isTrue();
    assertThat(lease.promote()).isTrue();
    assertThat(lease.takeOver()).isTrue();
    assertThat(lease.consul())
        .isEqualTo(
            new NodeConfig.Consul(
                "https://:secret@consul.example/team-1/",
                "shop/primary",
                Duration.ofSeconds(10),
                Duration.ofSeconds(1)));
    assertThat(config.proxy().target()).hasToString("localhost:8081");
    assertThat(config.proxy().passthrough()).containsExactly("*.ico", "*.png");
  }

  @Test
  void aMachineInAnotherRegionNeitherFoundsNorTakesOver() throws Exception {
    env.put("TIDEMARK_TOKEN", "s3cret");
    env.put("FLY_REGION", "fra");
    NodeConfig.Lease lease = read("elected.yml").lease();
    assertThat(lease.candidate()).isFalse();
    assertThat(lease.promote()).isFalse();
    assertThat(lease.takeOver()).isFalse();
  }

  @Test
  void aClusterWithoutASecretIsRefusedInOneLine() {
    assertThatThrownBy(() -> read("elected.yml"))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(":20202 is not opened to other hosts without a secret")
        .hasMessageContaining("TIDEMARK_TOKEN")
        .hasMessageContaining("http.insecure: true")
        .satisfies(e -> assertThat(e.getMessage().lines()).hasSize(1));
    assertThatThrownBy(() -> read("every-key.yml")).hasMessageContaining("litefs.yml line 18");
  }

  @Test
  void everyKeyOfLitefsIsReadOrSaidToHaveNoMeaning() throws Exception {
    env.put("TIDEMARK_TOKEN", "s3cret");
    NodeConfig config = read("every-key.yml");
    assertThat(config.lease().hostname()).isEqualTo("shop-1");
    assertThat(config.lease().promote()).isTrue();
    assertThat(config.lease().takeOver()).isFalse();
    assertThat(config.proxy().alwaysForward()).containsExactly("/admin/*");
    assertThat(config.proxy().writeTimeout()).isEqualTo(Duration.ofSeconds(10));
    assertThat(warnings)
        .hasSize(17)
        .allMatch(line -> line.startsWith(dir.resolve("litefs.yml").toString()))
        .allMatch(line -> line.lines().count() == 1)
        .last()
        .satisfies(
            line ->
                assertThat(line)
                    .contains("exec runs 'litefs run")
                    .contains("Write tidemark instead of litefs"));
  }

  @Test
  void aStaticPrimaryStartsAndSaysThatNobodyReachesIt() throws Exception {
    NodeConfig config = read("static-primary.yml");
    assertThat(config.http().addr()).isEqualTo(new HostPort("127.0.0.1", 20202));
    assertThat(config.exec()).containsExactly(new ExecStep(List.of("sh", "-c", "exit 0"), false));
    assertThat(warnings)
        .singleElement()
        .asString()
        .contains("litefs.yml line 7")
        .contains("replicas cannot reach this node")
        .contains("TIDEMARK_TOKEN");
  }

  @Test
  void aStaticReplicaNeedsNoOpenPort() throws Exception {
    env.put("HOSTNAME", "shop-2");
    NodeConfig config = read("static-replica.yml");
    assertThat(warnings).isEmpty();
    assertThat(config.http().addr().isLoopback()).isTrue();
    assertThat(config.lease().isStaticReplica()).isTrue();
    assertThat(config.lease().primaryHostname()).isEqualTo("shop-1");
  }

  @ParameterizedTest
  @CsvSource({
    "'http: {insecure: true}', ':20202'",
    "'http: {token: x}', ':20202'",
    "'http: {tls: {cert: PEM, key: PEM, ca: PEM}}', ':20202'",
    "'http: {token: x, addr: \"192.0.2.1:7\"}', '192.0.2.1:7'",
    "'http: {addr: \"localhost:7\"}', 'localhost:7'",
  })
  void thePortIsOpenWhereItIsGuardedOrAskedFor(String http, String addr) throws Exception {
    String lease = "\nlease: {type: consul, advertise-url: 'http://a:1', consul: {url: x, key: k}}";
    Path pem = Files.writeString(dir.resolve("x.pem"), "x");
    String guarded = http.replace("PEM", pem.toString()) + lease;
    assertThat(load(guarded, Map.of()).http().addr()).isEqualTo(HostPort.parse(addr));
    assertThat(warnings).isEmpty();
  }

  @Test
  void aFlagForTheAddressIsTaken() throws Exception {
    NodeConfig config =
        load("lease: {type: static}", Map.of("http.addr", new Flag("--http-addr", "127.0.0.1:9")));
    assertThat(config.http().addr()).isEqualTo(new HostPort("127.0.0.1", 9));
    assertThat(warnings).isEmpty();
  }

  @Test
  void keysOfOldVersionsAreNamedWithTheirSuccessors() {
    assertThatThrownBy(() -> read("version-0.3.yml"))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("litefs.yml line 2")
        .hasMessageContaining("mount-dir is a key of old versions of LiteFS. Use fuse.dir.");
  }

  @ParameterizedTest
  @CsvSource({
    "/etc/litefs.yml, true",
    "litefs.static.yml, true",
    "litefs-primary.yaml, true",
    "tidemark.yml, false",
    "litefsx.yml, false",
    "my-litefs.yml, false",
    "/, false"
  })
  void aFileOfLitefsIsKnownByItsName(String file, boolean litefs) {
    assertThat(LitefsFile.is(Path.of(file))).isEqualTo(litefs);
  }
}

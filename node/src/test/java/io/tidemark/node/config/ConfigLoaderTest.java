package io.tidemark.node.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.node.config.ConfigLoader.Flag;
import java.io.IOException;
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
import org.junit.jupiter.params.provider.ValueSource;

class ConfigLoaderTest {
  private static final String DIRS = "fuse:\n  dir: /mnt/x\ndata:\n  dir: /var/x\n";

  @TempDir Path root;
  private final Map<String, String> env = new HashMap<>(Map.of("HOSTNAME", "box"));
  private final List<String> warnings = new ArrayList<>();

  private Path dir(String name) throws IOException {
    return Files.createDirectories(root.resolve(name));
  }

  private ConfigLoader loader() throws IOException {
    return new ConfigLoader(dir("work"), root, env, warnings::add);
  }

  private NodeConfig load(String yaml) throws Exception {
    return load(yaml, Map.of());
  }

  private NodeConfig load(String yaml, Map<String, Flag> flags) throws Exception {
    Path file = Files.writeString(root.resolve("given.yml"), yaml);
    return loader().load(file, true, flags);
  }

  private org.assertj.core.api.AbstractThrowableAssert<?, ?> assertRefused(String yaml) {
    return assertThatThrownBy(() -> load(yaml)).isInstanceOf(ConfigException.class);
  }

  @Test
  void twoDirectoriesAreEnough() throws Exception {
    NodeConfig config =
        loader()
            .load(
                null,
                true,
                Map.of(
                    "fuse.dir", new Flag("--fuse-dir", "/mnt/x"),
                    "data.dir", new Flag("--data-dir", "/var/x")));
    assertThat(config.fuse())
        .isEqualTo(
            new NodeConfig.Fuse(
                Path.of("/mnt/x"),
                false,
                "kernel",
                Duration.ofSeconds(10),
                0,
                null,
                List.of(),
                true));
    assertThat(config.data())
        .isEqualTo(new NodeConfig.Data(Path.of("/var/x"), true, Duration.ofMinutes(10), 0));
    assertThat(config.http())
        .isEqualTo(new NodeConfig.Http(new HostPort("127.0.0.1", 20202), null, null, false));
    assertThat(config.lease().type()).isEqualTo("static");
    assertThat(config.lease().candidate()).isTrue();
    assertThat(config.lease().hostname()).isEqualTo("box");
    assertThat(config.exec()).isEmpty();
    assertThat(config.exitOnError()).isTrue();
    assertThat(config.log()).isEqualTo(new NodeConfig.Log("text", false));
    assertThat(warnings).isEmpty();
  }

  @Test
  void everyKeyIsRead() throws Exception {
    Path pem = Files.writeString(root.resolve("x.pem"), "x");
    NodeConfig config =
        load(
            """
            fuse:
              dir: /mnt/x
              allow-other: true
              transport: libfuse
              unmount-timeout: 3s
              readers: 3
              spin: 50us
              cpu-affinity: [0, 2]
              share-cpu: false
            data: {dir: /var/x, compress: false, retention: 1h, retention-size: 64MB}
            http:
              addr: ":9"
              tls: {cert: PEM, key: PEM, ca: PEM}
              token: secret
              insecure: false
            lease:
              type: static
              hostname: me
              advertise-url: http://me:20202
              candidate: false
              promote: true
              ttl: 5s
              etcd: {endpoints: [a, b], prefix: /p, user: u, password: w, tls: {ca: PEM}}
              consul: {url: c, key: k, ttl: 11s, lock-delay: 2s}
              kubernetes: {namespace: n, name: m, service-account: /sa}
            replication: {commit: async, min-in-sync: 1, compress: lz4, max-lag: 1s, ack-timeout: 2s, reader-timeout: 3s}
            proxy:
              addr: ":8080"
              db: app.db
              passthrough: ["/a/*", "*.png"]
              always-forward: /b
              forward: fly-replay
              max-lag: 1s
              primary-redirect-timeout: 2s
              read-timeout: 3s
              read-header-timeout: 4s
              write-timeout: 5s
              idle-timeout: 6s
            exit-on-error: false
            skip-sync: true
            log: {format: json, debug: true}
            """
                .replace("PEM", pem.toString()));
    assertThat(config.fuse())
        .isEqualTo(
            new NodeConfig.Fuse(
                Path.of("/mnt/x"),
                true,
                "libfuse",
                Duration.ofSeconds(3),
                3,
                Duration.ofNanos(50_000),
                List.of(0, 2),
                false));
    assertThat(config.data().retentionSize()).isEqualTo(64_000_000);
    assertThat(config.http().tls().ca()).isEqualTo(pem);
    assertThat(config.http().token()).isEqualTo("secret");
    assertThat(config.lease().etcd().endpoints()).containsExactly("a", "b");
    assertThat(config.lease().etcd().tls().ca()).isEqualTo(pem);
    assertThat(config.lease().consul().lockDelay()).isEqualTo(Duration.ofSeconds(2));
    assertThat(config.lease().kubernetes()).isEqualTo(new NodeConfig.Kubernetes("n", "m", "/sa"));
    assertThat(config.replication().compress()).isTrue();
    assertThat(config.replication().readerTimeout()).isEqualTo(Duration.ofSeconds(3));
    assertThat(config.proxy().passthrough()).containsExactly("/a/*", "*.png");
    assertThat(config.proxy().alwaysForward()).containsExactly("/b");
    assertThat(config.proxy().idleTimeout()).isEqualTo(Duration.ofSeconds(6));
    assertThat(config.exitOnError()).isFalse();
    assertThat(config.skipSync()).isTrue();
    assertThat(config.log()).isEqualTo(new NodeConfig.Log("json", true));
  }

  @ParameterizedTest
  @CsvSource({
    "fuse.dri, fuse.dir, 1, 'fuse: {dri: /x}'",
    "fues, fuse, 2, '# x\nfues:\n  dir: /x'",
    "lease.advertise_url, lease.advertise-url, 2, 'lease:\n  advertise_url: x'",
    "log.fromat, log.format, 3, 'log:\n\n  fromat: json'",
    "lease.etcd.endpoint, lease.etcd.endpoints, 3, 'lease:\n  etcd:\n    endpoint: x'",
    "exit-on-eror, exit-on-error, 1, 'exit-on-eror: true'",
  })
  void unknownKeysNameTheNearestAndTheLine(String unknown, String nearest, int line, String yaml) {
    assertRefused(yaml)
        .hasMessageContaining("given.yml line " + line + ": ")
        .hasMessageContaining("unknown key " + unknown + ". Did you mean " + nearest + "?");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"{cert: /a}", "{ca: /a}", "{cert: /nonexistent/c.pem, key: /nonexistent/k.pem}"})
  void certificatesComeInPairsAndMustBeReadable(String tls) {
    assertRefused(DIRS + "http: {tls: " + tls + "}").hasMessageContaining("http.tls");
  }

  @Test
  void aKeyGivenTwiceIsRefused() {
    assertRefused("fuse: {dir: /a, dir: /b}").hasMessageContaining("fuse.dir is given twice");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "fuse: {allow-other: 7}",
        "fuse: {transport: warp}",
        "fuse: [a]",
        "fuse: {readers: many}",
        "fuse: {spin: 50}",
        "fuse: {spin: [auto]}",
        "fuse: {cpu-affinity: [0, x]}",
        "fuse: {cpu-affinity: [{a: b}]}",
        "fuse: {dir: {a: b}}",
        "data: {retention: 10}",
        "data: {retention-size: many}",
        "http: {addr: nowhere}",
        "lease: {type: zookeeper}",
        "lease: {ttl: 10ms}",
        "lease: {advertise-url: me}",
        "replication: {min-in-sync: two}",
        "replication: {min-in-sync: 0}",
        "replication: {ack-timeout: -1s}",
        "log: {format: xml}",
        "exec: [[a]]",
        "exec: [{cmd: a, if-candidat: true}]",
        "exec: [{if-candidate: true}]",
        "exec: \"a 'b\"",
        "exec: ['']",
        "proxy: {passthrough: [{a: b}]}",
        "http: {token: }",
        "fuse: {dir: [/a, /b]}",
        "[a, b]",
        "a: b: c",
        "? [x] : y",
        "lease: {etcd: {tls: {}, endpoints: !!java.io.File x}}\nfoo: !!javax.script.ScriptEngineManager []",
      })
  void whatDoesNotFitIsRefusedWithItsPlace(String yaml) {
    String with = yaml.matches("(?s)(fuse|data|\\[|a:).*") ? yaml : DIRS + yaml;
    assertRefused(with).hasMessageContaining("given.yml").hasMessageNotContaining("Exception");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "readers: -1",
        "readers: 17",
        "spin: -1us",
        "spin: 1.1ms",
        "spin: 1s",
        "cpu-affinity: [-1]",
        "cpu-affinity: 1024"
      })
  void requestThreadsHaveLimits(String line) {
    assertRefused("fuse:\n  dir: /mnt/x\n  " + line + "\ndata:\n  dir: /var/x\n")
        .hasMessageContaining("given.yml line 3: fuse." + line.split(":")[0]);
  }

  @ParameterizedTest
  @CsvSource({"spin: auto, ", "spin: 0s, PT0S", "spin: 1ms, PT0.001S", "cpu-affinity: 7, "})
  void spinningIsChosenUnlessSaid(String line, Duration spin) throws Exception {
    assertThat(load("fuse:\n  dir: /mnt/x\n  " + line + "\ndata:\n  dir: /var/x\n").fuse().spin())
        .isEqualTo(spin);
  }

  @Test
  void flagsWinOverTheFile() throws Exception {
    NodeConfig config = load(DIRS, Map.of("fuse.dir", new Flag("--fuse-dir", "/mnt/flag")));
    assertThat(config.fuse().dir()).isEqualTo(Path.of("/mnt/flag"));
  }

  @Test
  void badFlagsAreNamed() {
    assertThatThrownBy(
            () -> load(DIRS, Map.of("fuse.transport", new Flag("--transport", "kernle"))))
        .hasMessageContaining("--transport")
        .hasMessageContaining("did you mean kernel?");
  }

  @Test
  void placesAreSearchedInOrder() throws Exception {
    env.put("HOME", "/home/me");
    List<Path> places = loader().places();
    assertThat(places)
        .containsExactly(
            root.resolve("work/tidemark.yml"),
            root.resolve("etc/tidemark.yml"),
            root.resolve("work/litefs.yml"),
            root.resolve("home/me/litefs.yml"),
            root.resolve("etc/litefs.yml"));
    for (int i = places.size() - 1; i >= 0; i--) {
      Files.createDirectories(places.get(i).getParent());
      Files.writeString(places.get(i), DIRS.replace("/mnt/x", "/mnt/" + i));
      assertThat(loader().load(null, true, Map.of()).fuse().dir()).isEqualTo(Path.of("/mnt/" + i));
    }
  }

  @Test
  void aNamedFileThatIsMissingIsAnError() {
    assertThatThrownBy(() -> loader().load(root.resolve("no.yml"), true, Map.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("no.yml");
  }

  @Test
  void environmentIsExpandedUnlessForbidden() throws Exception {
    env.put("REGION", "fra");
    Path file =
        Files.writeString(
            root.resolve("given.yml"),
            DIRS + "lease:\n  candidate: ${REGION == 'fra'}\n  hostname: $HOSTNAME\n");
    NodeConfig expanded = loader().load(file, true, Map.of());
    assertThat(expanded.lease().candidate()).isTrue();
    assertThat(expanded.lease().hostname()).isEqualTo("box");
    assertThatThrownBy(() -> loader().load(file, false, Map.of()))
        .hasMessageContaining("lease.candidate must be true or false");
  }

  @Test
  void anUnsetTokenVariableIsNoSilentOpenDoor() {
    assertRefused(DIRS + "http:\n  token: $TOKEN\n")
        .hasMessageContaining("http.token has no value");
    assertRefused(DIRS + "http:\n  token: \"$TOKEN\"\n")
        .hasMessageContaining("http.token has no value");
  }

  @Test
  void aLitefsFileWorksUnchangedWithWarnings() throws Exception {
    Path file =
        Files.writeString(
            dir("work").resolve("litefs.yml"),
            """
            fuse:
              dir: "/litefs"
              debug: false
            data:
              dir: "/var/lib/litefs"
              retention-monitor-interval: 1m
            exit-on-error: false
            strict-verify: false
            http:
              addr: "localhost:20202"
              snapshot-timeout: 0s
            lease:
              type: "static"
              candidate: true
              advertise-url: "http://${HOSTNAME}.internal:20202"
              reconnect-delay: 1s
              demote-delay: 10s
            tracing:
              enabled: true
              max-size: 64
            backup:
              type: "litefs-cloud"
              auth-token: x
            log:
              timestamp: true
            exec:
              - cmd: "migrate --up"
                if-candidate: true
              - cmd: "app -addr :8081"
            """);
    NodeConfig config = loader().load(null, true, Map.of());
    assertThat(config.fuse().dir()).isEqualTo(Path.of("/litefs"));
    assertThat(config.lease().advertiseUrl()).isEqualTo("http://box.internal:20202");
    assertThat(config.exec())
        .containsExactly(
            new ExecStep(List.of("migrate", "--up"), true),
            new ExecStep(List.of("app", "-addr", ":8081"), false));
    assertThat(warnings)
        .hasSize(11)
        .allMatch(warning -> warning.startsWith(file + " line "))
        .anyMatch(warning -> warning.contains("tracing.enabled"))
        .anyMatch(warning -> warning.contains("backup.type"))
        .anyMatch(warning -> warning.contains("line 6: data.retention-monitor-interval"));
  }

  @Test
  void aLitefsFileMayLeaveItsDirectoriesOut() throws Exception {
    Files.writeString(dir("work").resolve("litefs.yml"), "lease: {type: static}");
    NodeConfig config = loader().load(null, true, Map.of());
    assertThat(config.fuse().dir()).isEqualTo(Path.of("/litefs"));
    assertThat(config.data().dir()).isEqualTo(Path.of("/var/lib/litefs"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"fuse: {dir: /a}", "data: {dir: /a}", "# nothing", ""})
  void bothDirectoriesAreNeeded(String yaml) {
    assertRefused(yaml).hasMessageContaining("Give --");
  }

  @ParameterizedTest
  @CsvSource({"/a, /a", "/a, /a/b", "/a/b, /a", "/a/../b, /b"})
  void directoriesMustNotContainEachOther(String mount, String data) {
    assertRefused("fuse: {dir: " + mount + "}\ndata: {dir: " + data + "}");
  }

  @ParameterizedTest
  @CsvSource({
    ":20202, '', false",
    "0.0.0.0:20202, '', false",
    "192.0.2.1:20202, '', false",
    "127.0.0.1:20202, '', true",
    "'[::1]:20202', '', true",
    "localhost:20202, '', true",
    ":20202, 'token: x', true",
    ":20202, 'insecure: true', true",
    ":20202, 'tls: {cert: PEM, key: PEM}', false",
    ":20202, 'tls: {cert: PEM, key: PEM, ca: PEM}', true",
  })
  void anOpenPortNeedsProtectionOrConsent(String addr, String more, boolean allowed)
      throws Exception {
    Path pem = Files.writeString(root.resolve("x.pem"), "x");
    String yaml =
        DIRS + "http:\n  addr: \"" + addr + "\"\n  " + more.replace("PEM", pem.toString()) + "\n";
    if (allowed) {
      assertThat(load(yaml).http().addr()).isEqualTo(HostPort.parse(addr));
    } else {
      assertRefused(yaml).hasMessageContaining("http.insecure");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "one:20202",
        "ftp://one:20202",
        "http://",
        "http://one:0",
        "http://one:70000",
        "http://one:20202/stream",
        "http://user@one",
        "http:one",
        "not a url",
      })
  void anAddressOfThePrimaryMustBeOne(String url) {
    assertRefused(DIRS + "lease: {candidate: false, advertise-url: '" + url + "'}")
        .hasMessageContaining("lease.advertise-url: '" + url);
  }

  @ParameterizedTest
  @CsvSource({
    "'advertise-url: http://one:20202', one, box",
    "'advertise-url: \"https://[2001:db8::1]\"', 2001:db8::1, box",
    "'advertise-url: http://one:20202, hostname: main', main, box",
    "'candidate: true, advertise-url: http://one:20202, hostname: main', , main",
    "'type: static', , box",
  })
  void aStaticReplicaIsToldThePrimarysName(String lease, String primary, String own)
      throws Exception {
    String candidate = lease.contains("candidate") ? "" : "candidate: false, ";
    NodeConfig.Lease loaded = load(DIRS + "lease: {" + candidate + lease + "}").lease();
    assertThat(loaded.primaryHostname()).isEqualTo(primary);
    assertThat(loaded.hostname()).isEqualTo(own);
  }

  @ParameterizedTest
  @CsvSource({
    "'lease: {type: etcd}', advertise-url",
    "'lease: {type: consul}', advertise-url",
    "'lease: {type: kubernetes}', advertise-url",
    "'lease: {type: etcd, advertise-url: http://one:20202}', lease.etcd.endpoints",
    "'lease: {type: consul, advertise-url: http://one:20202}', lease.consul.url",
    "'replication: {commit: sync}', not static",
    "'replication: {min-in-sync: 2}', 'needs replication.commit: sync'",
  })
  void aClusterNeedsAStoreAndAnAddress(String yaml, String named) {
    assertRefused(DIRS + yaml).hasMessageContaining(named);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "type: etcd, etcd: {endpoints: ['http://e:2379']}",
        "type: consul, consul: {url: 'http://c:8500', key: k}",
        "type: kubernetes",
      })
  void aClusterMayCommitInSync(String lease) throws Exception {
    NodeConfig config =
        load(
            DIRS
                + "lease: {advertise-url: 'http://one:20202', "
                + lease
                + "}\nreplication: {commit: sync, min-in-sync: 2}");
    assertThat(config.replication().minInSync()).isEqualTo(2);
    assertThat(config.lease().advertiseUrl()).isEqualTo("http://one:20202");
  }

  @Test
  void aProxyHasAnAddressAndATargetThatIsNotItself() throws Exception {
    NodeConfig.Proxy proxy =
        load(DIRS + "proxy: {addr: ':8080', target: 'localhost:8081', db: 'a.db, b.db'}").proxy();
    assertThat(proxy.target()).isEqualTo(new HostPort("localhost", 8081));
    assertThat(proxy.db()).containsExactly("a.db", "b.db");
    assertThat(load(DIRS + "proxy: {db: [a.db, b.db]}").proxy().db())
        .containsExactly("a.db", "b.db");
    assertThat(load(DIRS + "proxy: {addr: ':8080'}").proxy().target()).isNull();
    for (String wrong :
        List.of(
            "{target: 'localhost:8081'}",
            "{addr: ':8081', target: 'localhost:8081'}",
            "{addr: '127.0.0.1:20202', target: 'localhost:8081'}",
            "{addr: ':8080', target: ':8081'}",
            "{addr: ':8080', target: localhost}",
            "{addr: ':8080', target: 'localhost:8081', db: '../x'}")) {
      assertRefused(DIRS + "proxy: " + wrong).hasMessageContaining("proxy.");
    }
  }
}

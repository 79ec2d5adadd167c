package io.tidemark.node.config;

import io.tidemark.node.config.ConfigValues.Value;
import io.tidemark.node.config.NodeConfig.Consul;
import io.tidemark.node.config.NodeConfig.Data;
import io.tidemark.node.config.NodeConfig.Etcd;
import io.tidemark.node.config.NodeConfig.Fuse;
import io.tidemark.node.config.NodeConfig.Http;
import io.tidemark.node.config.NodeConfig.Kubernetes;
import io.tidemark.node.config.NodeConfig.Lease;
import io.tidemark.node.config.NodeConfig.Log;
import io.tidemark.node.config.NodeConfig.Proxy;
import io.tidemark.node.config.NodeConfig.Replication;
import io.tidemark.node.config.NodeConfig.RoleCommands;
import io.tidemark.node.config.NodeConfig.Tls;
import io.tidemark.stream.receive.PrimaryAddress;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Finds, reads and checks the configuration. A flag of the command line wins over the file, the
 * file over the defaults; there need not be a file at all.
 */
public final class ConfigLoader {
  private static final String LITEFS_FILE = "litefs.yml";

  private final Path workingDir;
  private final Path root;
  private final Map<String, String> env;
  private final Consumer<String> warnings;

  /**
   * A loader for this process.
   *
   * @param env the environment, for expansion and {@code HOME}
   * @param warnings receives one line for each key that has no meaning any more
   */
  public ConfigLoader(Map<String, String> env, Consumer<String> warnings) {
    this(Path.of("").toAbsolutePath(), Path.of("/"), env, warnings);
  }

  ConfigLoader(Path workingDir, Path root, Map<String, String> env, Consumer<String> warnings) {
    this.workingDir = workingDir;
    this.root = root;
    this.env = new HashMap<>(env);
    this.env.computeIfAbsent("HOSTNAME", unset -> hostname());
    this.warnings = warnings;
  }

  /**
   * Loads the configuration.
   *
   * @param file the file to use, or null to look in the usual places
   * @param expandEnv whether references to environment variables are replaced
   * @param flags settings of the command line: full key to {flag name, value}
   */
  public NodeConfig load(Path file, boolean expandEnv, Map<String, Flag> flags)
      throws ConfigException {
    Path found = file != null ? file : search();
    ConfigValues values = new ConfigValues();
    if (found != null) {
      values.putAll(readFile(found, expandEnv));
    }
    flags.forEach((key, flag) -> values.put(key, new Value(flag.name(), flag.value(), null)));
    boolean litefs = found != null && LitefsFile.is(found);
    if (litefs) {
      LitefsFile.complete(found, values, flags.keySet(), env, warnings);
    }
    NodeConfig config = build(values);
    if (litefs) {
      LitefsFile.commands(found, config.exec(), warnings);
    }
    ConfigChecks.check(config, values);
    return config;
  }

  /** A setting that the command line gave, with the flag's name for messages. */
  public record Flag(String name, String value) {}

  /** The places that are looked at when no file is named, in this order. */
  List<Path> places() {
    String home = env.getOrDefault("HOME", "/root");
    return List.of(
        workingDir.resolve("tidemark.yml"),
        root.resolve("etc/tidemark.yml"),
        workingDir.resolve(LITEFS_FILE),
        root.resolve(home.startsWith("/") ? home.substring(1) : home).resolve(LITEFS_FILE),
        root.resolve("etc").resolve(LITEFS_FILE));
  }

  private Path search() {
    return places().stream().filter(Files::isRegularFile).findFirst().orElse(null);
  }

  private ConfigValues readFile(Path file, boolean expandEnv) throws ConfigException {
    try {
      String text = Files.readString(file);
      return YamlReader.read(
          expandEnv ? EnvExpansion.expand(text, env) : text, file.toString(), warnings);
    } catch (NoSuchFileException e) {
      throw new ConfigException(
          "There is no configuration file " + file + ". Check --config, or leave it out.");
    } catch (CharacterCodingException e) {
      throw new ConfigException(file + " is not UTF-8 text. Is it the right file?");
    } catch (IOException e) {
      throw new ConfigException("Cannot read " + file + ": " + e.getMessage() + ".");
    }
  }

  private NodeConfig build(ConfigValues v) throws ConfigException {
    List<AccessToken> tokens = TokenReader.read(v);
    return new NodeConfig(
        new Fuse(
            v.path("fuse.dir"),
            v.bool("fuse.allow-other"),
            v.choice("fuse.transport"),
            v.duration("fuse.unmount-timeout"),
            v.integer("fuse.readers"),
            v.durationOrAuto("fuse.spin"),
            v.integers("fuse.cpu-affinity"),
            v.bool("fuse.share-cpu")),
        new Data(
            v.path("data.dir"),
            v.bool("data.compress"),
            v.duration("data.retention"),
            v.size("data.retention-size")),
        new Http(
            v.hostPort("http.addr"),
            tls(v, "http.tls"),
            TokenReader.own(tokens),
            tokens,
            v.bool("http.insecure")),
        lease(v),
        new Replication(
            v.choice("replication.commit"),
            v.integer("replication.min-in-sync"),
            v.choice("replication.compress").equals("lz4"),
            v.duration("replication.max-lag"),
            v.duration("replication.ack-timeout"),
            v.duration("replication.reader-timeout")),
        proxy(v),
        ExecReader.read(v, "exec"),
        new RoleCommands(
            ExecReader.read(v, "on-primary"),
            ExecReader.read(v, "on-replica"),
            v.duration("role-stop-timeout")),
        v.bool("exit-on-error"),
        v.bool("skip-sync"),
        new Log(v.choice("log.format"), v.bool("log.debug")));
  }

  private Lease lease(ConfigValues v) throws ConfigException {
    String type = v.choice("lease.type");
    boolean candidate = v.bool("lease.candidate");
    String hostname = v.text("lease.hostname");
    String url = v.text("lease.advertise-url");
    boolean told = type.equals("static") && !candidate;
    return new Lease(
        type,
        hostname != null && !told ? hostname : env.get("HOSTNAME"),
        !told ? null : hostname != null ? hostname : hostOf(url),
        url,
        candidate,
        v.bool("lease.promote"),
        v.bool("lease.take-over"),
        v.duration("lease.ttl"),
        new Etcd(
            v.list("lease.etcd.endpoints"),
            v.text("lease.etcd.prefix"),
            v.text("lease.etcd.user"),
            v.text("lease.etcd.password"),
            tls(v, "lease.etcd.tls")),
        new Consul(
            v.text("lease.consul.url"),
            v.text("lease.consul.key"),
            v.duration("lease.consul.ttl"),
            v.duration("lease.consul.lock-delay")),
        new Kubernetes(
            v.text("lease.kubernetes.namespace"),
            v.text("lease.kubernetes.name"),
            v.text("lease.kubernetes.service-account")));
  }

  /** The host in a URL; null if it is none, which the checks report. */
  private static String hostOf(String url) {
    try {
      return url == null ? null : PrimaryAddress.parse(url, null).host();
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  private static Proxy proxy(ConfigValues v) throws ConfigException {
    return new Proxy(
        hostPort(v, "proxy.addr"),
        hostPort(v, "proxy.target"),
        names(v.list("proxy.db")),
        v.list("proxy.passthrough"),
        v.list("proxy.always-forward"),
        v.choice("proxy.forward"),
        v.duration("proxy.max-lag"),
        v.duration("proxy.primary-redirect-timeout"),
        v.duration("proxy.read-timeout"),
        v.duration("proxy.read-header-timeout"),
        v.duration("proxy.write-timeout"),
        v.duration("proxy.idle-timeout"));
  }

  private static HostPort hostPort(ConfigValues v, String key) throws ConfigException {
    return v.text(key) == null ? null : v.hostPort(key);
  }

  /** Items, each of which may be several with commas between them. */
  private static List<String> names(List<String> items) {
    return items.stream()
        .flatMap(item -> Arrays.stream(item.split(",")))
        .map(String::strip)
        .filter(name -> !name.isEmpty())
        .distinct()
        .toList();
  }

  /** The three files of a tls section, or null when none is named. */
  private static Tls tls(ConfigValues v, String section) throws ConfigException {
    Path cert = v.path(section + ".cert");
    Path key = v.path(section + ".key");
    Path ca = v.path(section + ".ca");
    return cert == null && key == null && ca == null ? null : new Tls(cert, key, ca);
  }

  private static String hostname() {
    try {
      return Files.readString(Path.of("/proc/sys/kernel/hostname")).trim();
    } catch (IOException e) {
      return "localhost";
    }
  }
}

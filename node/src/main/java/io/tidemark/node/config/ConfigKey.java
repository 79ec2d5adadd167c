package io.tidemark.node.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * One key of the configuration file: the single list that the reader checks against and that the
 * table in docs/CONFIGURATION.md repeats.
 *
 * @param path full name with dots, such as {@code fuse.dir}
 * @param type how its value is written
 * @param defaultText the default as one would write it, "" for none
 * @param choices the allowed words of {@link Type#CHOICE}
 * @param ignored why the key has no meaning here although LiteFS knows it; null for a key of ours
 */
public record ConfigKey(
    String path, Type type, String defaultText, List<String> choices, String ignored) {

  /** How a value is written. */
  public enum Type {
    TEXT,
    BOOLEAN,
    INTEGER,
    DURATION,
    SIZE,
    CHOICE,
    LIST,
    EXEC,
    TOKENS,
    ANY
  }

  private static final Map<String, ConfigKey> ALL = new LinkedHashMap<>();

  static {
    key("fuse.dir", Type.TEXT, "");
    key("fuse.allow-other", Type.BOOLEAN, "false");
    choice("fuse.transport", "kernel", "kernel", "libfuse");
    key("fuse.unmount-timeout", Type.DURATION, "10s");
    key("fuse.readers", Type.INTEGER, "0");
    key("fuse.spin", Type.DURATION, "auto");
    key("fuse.cpu-affinity", Type.LIST, "");
    key("fuse.share-cpu", Type.BOOLEAN, "true");
    key("data.dir", Type.TEXT, "");
    key("data.compress", Type.BOOLEAN, "true");
    key("data.retention", Type.DURATION, "10m");
    key("data.retention-size", Type.SIZE, "0");
    key("http.addr", Type.TEXT, "127.0.0.1:20202");
    key("http.tls.cert", Type.TEXT, "");
    key("http.tls.key", Type.TEXT, "");
    key("http.tls.ca", Type.TEXT, "");
    key("http.token", Type.TEXT, "");
    key("http.tokens", Type.TOKENS, "");
    key("http.insecure", Type.BOOLEAN, "false");
    choice("lease.type", "static", "static", "etcd", "consul", "kubernetes");
    key("lease.hostname", Type.TEXT, "");
    key("lease.advertise-url", Type.TEXT, "");
    key("lease.candidate", Type.BOOLEAN, "true");
    key("lease.promote", Type.BOOLEAN, "false");
    key("lease.take-over", Type.BOOLEAN, "false");
    key("lease.ttl", Type.DURATION, "10s");
    key("lease.etcd.endpoints", Type.LIST, "");
    key("lease.etcd.prefix", Type.TEXT, "/tidemark");
    key("lease.etcd.user", Type.TEXT, "");
    key("lease.etcd.password", Type.TEXT, "");
    key("lease.etcd.tls.cert", Type.TEXT, "");
    key("lease.etcd.tls.key", Type.TEXT, "");
    key("lease.etcd.tls.ca", Type.TEXT, "");
    key("lease.consul.url", Type.TEXT, "");
    key("lease.consul.key", Type.TEXT, "");
    key("lease.consul.ttl", Type.DURATION, "10s");
    key("lease.consul.lock-delay", Type.DURATION, "1s");
    key("lease.kubernetes.namespace", Type.TEXT, "");
    key("lease.kubernetes.name", Type.TEXT, "tidemark");
    choice("replication.commit", "async", "async", "sync");
    key("replication.min-in-sync", Type.INTEGER, "1");
    choice("replication.compress", "none", "none", "lz4");
    key("replication.max-lag", Type.DURATION, "10s");
    key("replication.ack-timeout", Type.DURATION, "10s");
    key("replication.reader-timeout", Type.DURATION, "30s");
    key("proxy.addr", Type.TEXT, "");
    key("proxy.target", Type.TEXT, "");
    key("proxy.db", Type.LIST, "");
    key("proxy.passthrough", Type.LIST, "");
    key("proxy.always-forward", Type.LIST, "");
    choice("proxy.forward", "direct", "direct", "fly-replay");
    key("proxy.max-lag", Type.DURATION, "10s");
    key("proxy.primary-redirect-timeout", Type.DURATION, "5s");
    key("proxy.read-timeout", Type.DURATION, "0");
    key("proxy.read-header-timeout", Type.DURATION, "10s");
    key("proxy.write-timeout", Type.DURATION, "0");
    key("proxy.idle-timeout", Type.DURATION, "30s");
    key("exec", Type.EXEC, "");
    key("on-primary", Type.EXEC, "");
    key("on-replica", Type.EXEC, "");
    key("role-stop-timeout", Type.DURATION, "10s");
    key("exit-on-error", Type.BOOLEAN, "true");
    key("skip-sync", Type.BOOLEAN, "false");
    choice("log.format", "text", "text", "json");
    key("log.debug", Type.BOOLEAN, "false");

    ignored("strict-verify", "every transaction is checksummed anyway");
    ignored("fuse.debug", "use log.debug");
    ignored("data.retention-monitor-interval", "retention is checked every few seconds");
    ignored("http.snapshot-timeout", "a snapshot has no time limit and holds no lock");
    ignored("proxy.debug", "use log.debug");
    ignored("lease.reconnect-delay", "reconnecting backs off by itself");
    ignored("lease.demote-delay", "there is no delay after a demotion");
    ignored("lease.databases", "every node holds every database");
    ignored("log.timestamp", "every log line carries a time");
    for (String name : List.of("enabled", "path", "max-size", "max-count", "compress")) {
      ignored("tracing." + name, "there is no trace log; use log.debug and the metrics");
    }
    for (String name : List.of("type", "path", "url", "cluster", "auth-token", "delay")) {
      ignored("backup." + name, "LiteFS Cloud was retired; use tidemark export or ltx export");
    }
    ignored(
        "backup.full-sync-interval", "LiteFS Cloud was retired; use tidemark export or ltx export");
  }

  private static void key(String path, Type type, String defaultText) {
    ALL.put(path, new ConfigKey(path, type, defaultText, List.of(), null));
  }

  private static void choice(String path, String defaultText, String... choices) {
    ALL.put(path, new ConfigKey(path, Type.CHOICE, defaultText, List.of(choices), null));
  }

  private static void ignored(String path, String why) {
    ALL.put(path, new ConfigKey(path, Type.ANY, "", List.of(), why));
  }

  /** The key of that name, or null. */
  public static ConfigKey find(String path) {
    return ALL.get(path);
  }

  /** Every key that has a meaning, in the order of the documentation. */
  public static List<ConfigKey> documented() {
    return ALL.values().stream().filter(key -> key.ignored == null).toList();
  }

  /** Every key of LiteFS that is accepted with a warning. */
  public static List<ConfigKey> withoutMeaning() {
    return ALL.values().stream().filter(key -> key.ignored != null).toList();
  }

  /** Whether the name is a section: a prefix of some key, such as {@code lease.etcd}. */
  static boolean isSection(String path) {
    return ALL.keySet().stream().anyMatch(key -> key.startsWith(path + "."));
  }

  /** Names that a misspelt name may have meant: keys with a meaning, and their sections. */
  static List<String> suggestions() {
    TreeSet<String> names = new TreeSet<>();
    for (ConfigKey key : documented()) {
      for (String path = key.path; !path.isEmpty(); ) {
        names.add(path);
        path = path.substring(0, Math.max(0, path.lastIndexOf('.')));
      }
    }
    return new ArrayList<>(names);
  }
}

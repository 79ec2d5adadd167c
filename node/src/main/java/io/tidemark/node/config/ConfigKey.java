package io.tidemark.node.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * One key of the configuration file: the single list that the reader checks against and that the
 * tables in docs/CONFIGURATION.md are made of.
 *
 * @param path full name with dots, such as {@code fuse.dir}
 * @param type how its value is written
 * @param defaultText the default as one would write it, "" for none
 * @param choices the allowed words of {@link Type#CHOICE}
 * @param meaning what it does, with its range, in Markdown; "" for a key that is ignored
 * @param ignored why the key has no meaning here although LiteFS knows it; null for a key of ours
 */
public record ConfigKey(
    String path,
    Type type,
    String defaultText,
    List<String> choices,
    String meaning,
    String ignored) {

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
    key(
        "fuse.dir",
        Type.TEXT,
        "",
        "Directory to mount. Created if missing. Required (flag `--fuse-dir`).");
    key(
        "fuse.allow-other",
        Type.BOOLEAN,
        "false",
        "Other users may use the mount. A mount made without root also needs "
            + "`user_allow_other` in `/etc/fuse.conf`.");
    choice(
        "fuse.transport",
        "kernel",
        List.of("kernel", "libfuse"),
        "`kernel` speaks with the kernel itself; `libfuse` goes through libfuse 2 "
            + "(package `libfuse2`), for systems where the first cannot run.");
    key(
        "fuse.unmount-timeout",
        Type.DURATION,
        "10s",
        "How long a clean unmount is tried at the end while programs still hold files; "
            + "then the mount is detached.");
    key(
        "fuse.readers",
        Type.INTEGER,
        "0",
        "Threads that read requests of the kernel at the same time, at most 16. `0` "
            + "chooses by the machine. This and the next three: transport `kernel` only.");
    key(
        "fuse.spin",
        Type.DURATION,
        "auto",
        "How long such a thread polls for the next request before it sleeps, at most "
            + "`1ms`, such as `50us`. It polls only while requests follow one another "
            + "closely and the machine has a CPU to spare. `0s` = never.");
    key(
        "fuse.cpu-affinity",
        Type.LIST,
        "",
        "List of the CPUs (`[2, 3]`) that these threads may run on; empty = all.");
    key(
        "fuse.share-cpu",
        Type.BOOLEAN,
        "true",
        "As long as a single client asks, its requests are served on its own CPU, "
            + "which avoids waking another one. Needs root or `CAP_SYS_NICE`; otherwise it "
            + "is left out.");
    key(
        "data.dir",
        Type.TEXT,
        "",
        "Directory for the log and the databases, created if missing. Must lie outside "
            + "the mount. Required (flag `--data-dir`).");
    key("data.compress", Type.BOOLEAN, "true", "Compress log records with LZ4.");
    key(
        "data.retention",
        Type.DURATION,
        "10m",
        "Age after which log records may be removed. `0` or less keeps them for ever.");
    key(
        "data.retention-size",
        Type.SIZE,
        "0",
        "Log bytes per database above which old segments go although they are younger. "
            + "`0` = no limit.");
    key(
        "http.addr",
        Type.TEXT,
        "127.0.0.1:20202",
        "Address of the API. `:20202` means all interfaces, which needs a token, "
            + "certificates for clients, or `http.insecure`.");
    key(
        "http.tls.cert",
        Type.TEXT,
        "",
        "Certificate of the API in PEM. With `http.tls.key` the port speaks HTTPS.");
    key("http.tls.key", Type.TEXT, "", "Its key in PEM, PKCS#8.");
    key(
        "http.tls.ca",
        Type.TEXT,
        "",
        "Authority in PEM that must have signed the certificate of every client, also "
            + "for the health checks.");
    key(
        "http.token",
        Type.TEXT,
        "",
        "Every request must carry `Authorization: Bearer TOKEN`, except `/health` and "
            + "`/ready`.");
    key(
        "http.tokens",
        Type.TOKENS,
        "",
        "More tokens, each with a role: `[{token: $READ_TOKEN, role: read}]`. See "
            + "[Tokens](#tokens).");
    key(
        "http.insecure",
        Type.BOOLEAN,
        "false",
        "Allow an address other than loopback with neither a token nor certificates "
            + "for clients.");
    choice(
        "lease.type",
        "static",
        List.of("static", "etcd", "consul", "kubernetes"),
        "Who decides which node may write: `static` (the configuration), or a store in "
            + "which nodes elect their primary: `etcd`, `consul`, `kubernetes`.");
    key(
        "lease.hostname",
        Type.TEXT,
        "",
        "Name of this node for people. Default: the host's name. On a replica with "
            + "`static`: name of the primary, for `.primary`; default: the host in "
            + "`lease.advertise-url`.");
    key(
        "lease.advertise-url",
        Type.TEXT,
        "",
        "URL under which other nodes reach this one, such as `http://node1:20202`. On "
            + "a replica with `static`: URL of the primary, which it follows.");
    key(
        "lease.candidate",
        Type.BOOLEAN,
        "true",
        "This node may be primary. With `static`: it is the primary when true, and "
            + "only reads when false. Exactly one node may have true.");
    key(
        "lease.promote",
        Type.BOOLEAN,
        "false",
        "This node may found the cluster, if there is none yet. For the node that has "
            + "the data; without meaning once there is a cluster, and with `static`.");
    key(
        "lease.take-over",
        Type.BOOLEAN,
        "false",
        "Once up to date and before its commands run, this node asks the primary to "
            + "hand over, so that a migration among them can write. Not with `static`.");
    key(
        "lease.ttl",
        Type.DURATION,
        "10s",
        "How long a lease lives without renewal (etcd, kubernetes), at least `1s`.");
    key("lease.etcd.endpoints", Type.LIST, "", "List of etcd URLs.");
    key("lease.etcd.prefix", Type.TEXT, "/tidemark", "Prefix of the keys in etcd.");
    key("lease.etcd.user", Type.TEXT, "", "User name for etcd.");
    key("lease.etcd.password", Type.TEXT, "", "Its password.");
    key("lease.etcd.tls.cert", Type.TEXT, "", "Certificate to show to etcd, PEM.");
    key("lease.etcd.tls.key", Type.TEXT, "", "Its key, PEM.");
    key("lease.etcd.tls.ca", Type.TEXT, "", "Authority of etcd's certificate, PEM.");
    key("lease.consul.url", Type.TEXT, "", "URL of the Consul agent.");
    key("lease.consul.key", Type.TEXT, "", "Key in Consul.");
    key("lease.consul.ttl", Type.DURATION, "10s", "Time to live of the Consul session.");
    key("lease.consul.lock-delay", Type.DURATION, "1s", "Lock delay of the Consul session.");
    key(
        "lease.kubernetes.namespace",
        Type.TEXT,
        "",
        "Namespace of the Lease object. Default: that of the pod.");
    key("lease.kubernetes.name", Type.TEXT, "tidemark", "Name of the Lease object.");
    key(
        "lease.kubernetes.service-account",
        Type.TEXT,
        "/var/run/secrets/kubernetes.io/serviceaccount",
        "Directory with `token`, `ca.crt` and `namespace` of the service account, as the platform "
            + "mounts it.");
    choice(
        "replication.commit",
        "async",
        List.of("async", "sync"),
        "`async`, or `sync`: a COMMIT returns when every node of the in-sync set has "
            + "it on its disk. Needs a lease that is not static.");
    key(
        "replication.min-in-sync",
        Type.INTEGER,
        "1",
        "Fewest nodes, the primary counted, that must hold a transaction in `sync` "
            + "mode; with fewer, writers wait.");
    choice(
        "replication.compress",
        "none",
        List.of("none", "lz4"),
        "`lz4`: the primary compresses what it sends where that helps. The log is "
            + "compressed already (`data.compress`), so this is for the pages of snapshots "
            + "over slow networks.");
    key(
        "replication.max-lag",
        Type.DURATION,
        "10s",
        "Lag above which `/ready` of a replica answers 503.");
    key(
        "replication.ack-timeout",
        Type.DURATION,
        "10s",
        "How long a COMMIT waits for acknowledgements in `sync` mode; then it fails "
            + "with an I/O error and is in doubt until that is settled.");
    key(
        "replication.reader-timeout",
        Type.DURATION,
        "30s",
        "How long a reader may hold up what a replica shows; then its open files fail "
            + "and the next open shows what is new.");
    key(
        "proxy.addr",
        Type.TEXT,
        "",
        "Address of the proxy for clients, such as `:8080`. Needed with "
            + "`proxy.target`. See [the proxy](PROXY.md).");
    key(
        "proxy.target",
        Type.TEXT,
        "",
        "Application behind the proxy, such as `localhost:8081`; the proxy is off when "
            + "empty.");
    key(
        "proxy.db",
        Type.LIST,
        "",
        "Databases whose positions are put into the cookie: a name, several with "
            + "commas, or a list; at most 16. Default: all, as long as they are no more than "
            + "8.");
    key(
        "proxy.passthrough",
        Type.LIST,
        "",
        "List of path patterns that are passed to this node's application untouched. "
            + "`*` stands for any characters.");
    key(
        "proxy.always-forward",
        Type.LIST,
        "",
        "List of path patterns that count as writes whatever their method.");
    choice(
        "proxy.forward",
        "direct",
        List.of("direct", "fly-replay"),
        "How writes reach the primary: `direct`, over its API port, or `fly-replay`, "
            + "by Fly's edge.");
    key("proxy.max-lag", Type.DURATION, "10s", "Lag above which the proxy's health check fails.");
    key(
        "proxy.primary-redirect-timeout",
        Type.DURATION,
        "5s",
        "How long requests that write are held until a primary is known that may write.");
    key("proxy.read-timeout", Type.DURATION, "0", "Longest time to read a request; `0` = none.");
    key("proxy.read-header-timeout", Type.DURATION, "10s", "Longest time to read its headers.");
    key("proxy.write-timeout", Type.DURATION, "0", "Longest time to write an answer; `0` = none.");
    key("proxy.idle-timeout", Type.DURATION, "30s", "Longest silence on a kept connection.");
    key(
        "exec",
        Type.EXEC,
        "",
        "Command to run once mounted: one line, or a list of lines or of `{cmd, "
            + "if-candidate}`. All but the last run to their end first; the last one is "
            + "supervised.");
    key(
        "on-primary",
        Type.EXEC,
        "",
        "Commands, written as in `exec`, that run while this node is primary. See "
            + "[Commands](#commands).");
    key("on-replica", Type.EXEC, "", "Commands that run while it is not.");
    key(
        "role-stop-timeout",
        Type.DURATION,
        "10s",
        "How long a command of `on-primary` or `on-replica` may take to end after "
            + "SIGTERM; then it gets SIGKILL.");
    key(
        "exit-on-error",
        Type.BOOLEAN,
        "true",
        "End the process when the start fails. `false` keeps it alive, doing nothing, "
            + "so that one can look around in a container.");
    key(
        "skip-sync",
        Type.BOOLEAN,
        "false",
        "On a replica, start the commands and the proxy at once and not only when it "
            + "has been up to date with the primary.");
    choice(
        "log.format",
        "text",
        List.of("text", "json"),
        "`text`, or `json` for one JSON object per line. Both go to standard error.");
    key("log.debug", Type.BOOLEAN, "false", "Log details for developers (flag `--debug`).");

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

  private static void key(String path, Type type, String defaultText, String meaning) {
    ALL.put(path, new ConfigKey(path, type, defaultText, List.of(), meaning, null));
  }

  private static void choice(
      String path, String defaultText, List<String> choices, String meaning) {
    ALL.put(path, new ConfigKey(path, Type.CHOICE, defaultText, choices, meaning, null));
  }

  private static void ignored(String path, String why) {
    ALL.put(path, new ConfigKey(path, Type.ANY, "", List.of(), "", why));
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

package io.tidemark.node.config;

import io.tidemark.database.DatabaseNames;
import io.tidemark.node.config.NodeConfig.Fuse;
import io.tidemark.node.config.NodeConfig.Http;
import io.tidemark.stream.receive.PrimaryAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** The rules that concern more than one key, or more than a value's form. */
final class ConfigChecks {
  private static final int MAX_READERS = 16;
  private static final int MAX_CPUS = 1024;
  private static final int MAX_COOKIE_DATABASES = 16;
  private static final Duration MAX_SPIN = Duration.ofMillis(1);

  private ConfigChecks() {}

  static void check(NodeConfig config, ConfigValues values) throws ConfigException {
    directories(config.fuse().dir(), config.data().dir());
    tlsFiles(config.http());
    openPort(config.http(), values.place("http.addr"));
    ownToken(config, values.place("http.tokens"));
    numbers(config, values);
    requestThreads(config.fuse(), values);
    advertiseUrl(config.lease().advertiseUrl(), values.place("lease.advertise-url"));
    leaseStore(config.lease(), values.place("lease.type"));
    together(config, values);
    proxy(config.proxy(), config.http(), values);
  }

  private static void directories(Path mount, Path data) throws ConfigException {
    require(mount != null, "No mount directory. Give --fuse-dir DIR, or fuse.dir in the file.");
    require(data != null, "No data directory. Give --data-dir DIR, or data.dir in the file.");
    require(
        !mount.equals(data),
        "fuse.dir and data.dir are both " + mount + ". They must be different directories.");
    require(
        !data.startsWith(mount),
        "data.dir " + data + " lies below the mount " + mount + ". Move it out of there.");
    require(
        !mount.startsWith(data),
        "fuse.dir " + mount + " lies below data.dir " + data + ". Move it out of there.");
  }

  private static void tlsFiles(Http http) throws ConfigException {
    if (http.tls() == null) {
      return;
    }
    require(
        http.tls().cert() != null && http.tls().key() != null,
        "http.tls needs both cert and key (ca as well when clients must have a certificate).");
    file("http.tls.cert", http.tls().cert());
    file("http.tls.key", http.tls().key());
    file("http.tls.ca", http.tls().ca());
  }

  private static void file(String key, Path file) throws ConfigException {
    require(
        file == null || Files.isReadable(file),
        key + ": cannot read " + file + ". Check the path and its permissions.");
  }

  /** Without a token or certificates for clients the API is for this host only. */
  private static void openPort(Http http, String place) throws ConfigException {
    boolean mutualTls = http.tls() != null && http.tls().ca() != null;
    boolean guarded = !http.tokens().isEmpty() || mutualTls || http.insecure();
    require(
        guarded || http.addr().isLoopback(),
        place
            + ": http.addr "
            + http.addr()
            + " is reachable from other hosts without protection. Use 127.0.0.1:"
            + http.addr().port()
            + ", set http.token or http.tls with a ca, or allow it with http.insecure: true.");
  }

  /** A node that follows another one asks with a token of its own file. */
  private static void ownToken(NodeConfig config, String place) throws ConfigException {
    boolean follows =
        !config.lease().type().equals("static")
            || config.lease().isStaticReplica() && config.lease().advertiseUrl() != null;
    require(
        !follows || config.http().tokens().isEmpty() || config.http().token() != null,
        place
            + ": this node needs a token to follow the primary. Add one to http.tokens with role"
            + " replicate.");
  }

  private static void numbers(NodeConfig config, ConfigValues values) throws ConfigException {
    require(
        config.replication().minInSync() >= 1,
        values.place("replication.min-in-sync") + ": replication.min-in-sync must be at least 1.");
    for (String key :
        List.of(
            "fuse.unmount-timeout",
            "role-stop-timeout",
            "replication.max-lag",
            "replication.ack-timeout",
            "replication.reader-timeout",
            "proxy.max-lag",
            "proxy.primary-redirect-timeout",
            "proxy.read-timeout",
            "proxy.read-header-timeout",
            "proxy.write-timeout",
            "proxy.idle-timeout",
            "lease.consul.lock-delay")) {
      require(!values.duration(key).isNegative(), values.place(key) + ": " + key + " is negative.");
    }
    for (String key : List.of("lease.ttl", "lease.consul.ttl")) {
      require(
          values.duration(key).compareTo(Duration.ofSeconds(1)) >= 0,
          values.place(key) + ": " + key + " must be at least 1s.");
    }
  }

  private static void requestThreads(Fuse fuse, ConfigValues values) throws ConfigException {
    require(
        fuse.readers() >= 0 && fuse.readers() <= MAX_READERS,
        values.place("fuse.readers") + ": fuse.readers must be 0 to " + MAX_READERS + ".");
    Duration spin = fuse.spin();
    require(
        spin == null || !spin.isNegative() && spin.compareTo(MAX_SPIN) <= 0,
        values.place("fuse.spin")
            + ": fuse.spin must be 0s to "
            + DurationText.format(MAX_SPIN)
            + ", such as 50us, or auto.");
    for (int cpu : fuse.cpuAffinity()) {
      require(
          cpu >= 0 && cpu < MAX_CPUS,
          values.place("fuse.cpu-affinity") + ": fuse.cpu-affinity: there is no CPU " + cpu + ".");
    }
  }

  private static void advertiseUrl(String url, String place) throws ConfigException {
    if (url == null) {
      return;
    }
    try {
      PrimaryAddress.parse(url, null);
    } catch (IllegalArgumentException e) {
      throw new ConfigException(place + ": lease.advertise-url: " + e.getMessage() + ".");
    }
  }

  /** What a lease needs that is not static. */
  private static void leaseStore(NodeConfig.Lease lease, String place) throws ConfigException {
    String type = lease.type();
    require(
        type.equals("static") || lease.advertiseUrl() != null,
        place
            + ": with lease.type "
            + type
            + " lease.advertise-url must say where the other nodes reach this one, such as"
            + " http://node1:20202.");
    require(
        !type.equals("etcd") || !lease.etcd().endpoints().isEmpty(),
        place
            + ": with lease.type etcd lease.etcd.endpoints must name its servers, such as"
            + " [http://etcd1:2379].");
    require(
        !type.equals("consul") || lease.consul().url() != null && lease.consul().key() != null,
        place
            + ": with lease.type consul lease.consul.url and lease.consul.key must say where the"
            + " cluster's keys are, such as http://localhost:8500 and tidemark/app.");
  }

  /** What the file may say but this version cannot do is refused, never ignored. */
  private static void together(NodeConfig config, ConfigValues values) throws ConfigException {
    boolean fixed = config.lease().type().equals("static");
    require(
        !fixed || config.replication().commit().equals("async"),
        values.place("replication.commit")
            + ": replication.commit: sync needs a lease that is not static, because a set of nodes"
            + " that have all commits is kept with it. Use lease.type etcd, consul or kubernetes.");
    require(
        config.replication().commit().equals("sync") || config.replication().minInSync() == 1,
        values.place("replication.min-in-sync")
            + ": replication.min-in-sync above 1 needs replication.commit: sync.");
  }

  private static void proxy(NodeConfig.Proxy proxy, Http http, ConfigValues values)
      throws ConfigException {
    if (proxy.target() == null) {
      return;
    }
    String target = values.place("proxy.target") + ": proxy.target ";
    require(
        !proxy.target().host().isEmpty() && proxy.target().port() != 0,
        target + "must be the application's address, such as localhost:8081.");
    require(
        proxy.addr() != null, target + "needs proxy.addr, the address for clients, such as :8080.");
    require(
        proxy.addr().port() != proxy.target().port()
            || !proxy.target().isLoopback()
            || !(proxy.addr().host().isEmpty() || proxy.addr().isLoopback()),
        target + proxy.target() + " is the proxy itself. Let the application have another port.");
    require(
        !proxy.addr().equals(http.addr()) || proxy.addr().port() == 0,
        target + "needs a proxy.addr that is not http.addr, " + http.addr() + ".");
    require(
        proxy.db().size() <= MAX_COOKIE_DATABASES,
        values.place("proxy.db")
            + ": proxy.db may name at most "
            + MAX_COOKIE_DATABASES
            + " databases: all of them go into a cookie.");
    for (String name : proxy.db()) {
      String problem = DatabaseNames.problem(name);
      require(
          problem == null,
          values.place("proxy.db") + ": proxy.db: '" + name + "' is no database: " + problem + ".");
    }
  }

  private static void require(boolean condition, String message) throws ConfigException {
    if (!condition) {
      throw new ConfigException(message);
    }
  }
}

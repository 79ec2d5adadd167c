package io.tidemark.lease.kubernetes;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * Where and how the lease is kept in Kubernetes.
 *
 * @param url of the API server
 * @param namespace of the object
 * @param name of the object; it is made if it does not exist
 * @param ttl in whole seconds: what candidates wait for after the last change that they have seen
 * @param tokenFile read again for each request, because the platform replaces it
 * @param caFile certificate authorities in PEM, instead of the system's
 * @param timeout of a call
 */
public record KubernetesOptions(
    URI url,
    String namespace,
    String name,
    Duration ttl,
    Optional<Path> tokenFile,
    Optional<Path> caFile,
    Duration timeout) {
  public KubernetesOptions {
    if (ttl.toSeconds() < 1 || ttl.toNanosPart() != 0) {
      throw new IllegalArgumentException("Kubernetes counts a lease in whole seconds, not " + ttl);
    }
    checkName("namespace", namespace);
    checkName("name", name);
  }

  private static void checkName(String what, String name) {
    if (!name.matches("[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")) {
      throw new IllegalArgumentException(
          "lease.kubernetes." + what + " is no name in Kubernetes: '" + name + "'");
    }
  }

  /**
   * As a container of a pod finds it.
   *
   * @param environment of the process
   * @param serviceAccount directory that the platform has mounted
   * @param namespace empty for that of the pod
   * @throws IOException when this is no pod with a service account; says what is missing
   */
  public static KubernetesOptions inCluster(
      Map<String, String> environment,
      Path serviceAccount,
      Optional<String> namespace,
      String name,
      Duration ttl,
      Duration timeout)
      throws IOException {
    String host = environment.get("KUBERNETES_SERVICE_HOST");
    String port = environment.getOrDefault("KUBERNETES_SERVICE_PORT", "443");
    if (host == null || host.isEmpty()) {
      throw new IOException(
          "KUBERNETES_SERVICE_HOST is not set: lease.type kubernetes works in a pod only");
    }
    Path token = serviceAccount.resolve("token");
    if (!Files.isReadable(token)) {
      throw new IOException(
          token + " is missing: give the pod a service account with automountServiceAccountToken");
    }
    String own =
        namespace.isPresent()
            ? namespace.get()
            : Files.readString(serviceAccount.resolve("namespace")).strip();
    String bracketed = host.contains(":") ? "[" + host + "]" : host;
    return new KubernetesOptions(
        URI.create("https://" + bracketed + ":" + port),
        own,
        name,
        ttl,
        Optional.of(token),
        Optional.of(serviceAccount.resolve("ca.crt")),
        timeout);
  }
}

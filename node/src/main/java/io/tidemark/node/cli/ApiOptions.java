package io.tidemark.node.cli;

import java.net.URI;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** How to reach a node's API. */
final class ApiOptions {
  private static final String DEFAULT_URL = "http://localhost:20202";

  @Option(
      names = "--url",
      paramLabel = "URL",
      description = "API of the node, by default $$TIDEMARK_URL or " + DEFAULT_URL + ".")
  private String url;

  @Option(
      names = "--token",
      paramLabel = "TOKEN",
      description = "http.token of the node, by default $$TIDEMARK_TOKEN.")
  private String token;

  @Option(names = "--ca", paramLabel = "FILE", description = "Authority of the node's certificate.")
  private Path ca;

  @Option(names = "--cert", paramLabel = "FILE", description = "Certificate to show to the node.")
  private Path cert;

  @Option(names = "--key", paramLabel = "FILE", description = "Key of that certificate, PKCS#8.")
  private Path key;

  /** A client for these options. */
  ApiClient client() throws Failure {
    String address = url != null ? url : System.getenv().getOrDefault("TIDEMARK_URL", DEFAULT_URL);
    String secret = token != null ? token : System.getenv("TIDEMARK_TOKEN");
    return new ApiClient(parse(address), secret, ApiClient.tls(ca, cert, key));
  }

  static URI parse(String address) throws Failure {
    try {
      String trimmed = address.endsWith("/") ? address.substring(0, address.length() - 1) : address;
      URI uri = URI.create(trimmed.contains("://") ? trimmed : "http://" + trimmed);
      if (uri.getHost() != null && uri.getScheme().matches("https?")) {
        return uri;
      }
    } catch (IllegalArgumentException e) {
      // Falls through to the message for every address that is none.
    }
    throw new Failure(
        Failure.USAGE, "'" + address + "' is no address. Use --url http://HOST:20202.", null);
  }
}

import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.common.errors.PolicyViolationException;
import org.apache.kafka.server.policy.CreateTopicPolicy;

/** Accepts only the settings of topics that some managed clusters accept, for topics whose names start with "strict". */
public class StrictPolicy implements CreateTopicPolicy {
  private static final Set<String> ACCEPTED = Set.of(
    "cleanup.policy", "max.message.bytes", "message.timestamp.type", "retention.bytes", "retention.ms");

  @Override
  public void configure(Map<String, ?> configs) {}

  @Override
  public void close() {}

  @Override
  public void validate(RequestMetadata request) {
    if (!request.topic().startsWith("strict")) return;
    for (String name : new TreeSet<>(request.configs().keySet()))
      if (!ACCEPTED.contains(name)) throw new PolicyViolationException("Config " + name + " cannot be specified");
  }
}

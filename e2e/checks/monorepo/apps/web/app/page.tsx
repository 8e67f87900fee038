import { greeting } from '@moneywise/shared';

export default function Page() {
  return (
    <main>
      {greeting('web')}, whose API is at {process.env.NEXT_PUBLIC_API_URL}
    </main>
  );
}

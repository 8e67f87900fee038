import 'reflect-metadata';
import { greeting } from '@moneywise/shared';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Prisma } from '@prisma/client';

@Controller('health')
class HealthController {
  @Get()
  health() {
    return {
      status: 'ok',
      version: (process.env.SENTRY_RELEASE ?? '').replace('moneywise@', ''),
      greeting: greeting('backend'),
      // Only a client that was generated from the schema knows its models.
      models: Object.keys(Prisma.ModelName),
      uid: process.getuid?.(),
    };
  }
}

@Module({ controllers: [HealthController] })
class AppModule {}

// As MoneyWise does: no drain of open requests.
process.on('SIGTERM', () => process.exit(0));

async function main() {
  const app = await NestFactory.create(AppModule);
  app.setGlobalPrefix(process.env.API_PREFIX ?? 'api');
  await app.listen(Number(process.env.PORT ?? 3001));
}

void main();
